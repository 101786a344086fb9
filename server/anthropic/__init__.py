"""Anthropic's Messages API over the served model: `messages.py` is its endpoints, `requests.py` what they take."""
