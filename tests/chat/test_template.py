"""Templates render as transformers renders them, and cannot get out or run on."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.chat.sandbox import MAX_TEXT
from weft.chat.template import MAX_MESSAGES, MAX_SOURCE, ChatTemplate
from weft.errors import TemplateError

CHATML = """{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- for tool in tools %}
{{- "\\n" }}{{- tool | tojson }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{% for message in messages %}
    {%- set ns = namespace(text=message['content'] or '') %}
    {%- if message.tool_calls %}
        {%- for call in message.tool_calls %}
            {%- set ns.text = ns.text ~ '<tool_call>' ~ (call.function | tojson(indent=2)) ~ '</tool_call>' %}
        {%- endfor %}
    {%- endif %}
    {%- if loop.first and message.role == 'banana' %}{% continue %}{% endif %}
<|im_start|>{{ message.role }}
{% generation %}{{ ns.text | trim }}{% endgeneration %}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}{{ eos_token }}{{ loop_free }}{% if messages[-1] is defined %}{{ messages | length }}{% endif %}"""

MACROS = """{% macro turn(role, text) %}[{{ role }}]{{ text }}{% endmacro %}
{{ bos_token }}{% for message in messages %}{{ turn(message['role'], message['content']) }}
{% if not loop.last %}, {% endif %}
{{ loop.index0 % 2 }}{{ loop.length }}{{ loop.revindex }}{{ loop.previtem.role if loop.previtem is defined }}
{%- else %}nothing{% endfor %}
{{ messages | map(attribute='role') | join('|') }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{%- for key, value in {'a': 1}.items() %}{{ key }}{{ value }}{% endfor %}
{{ 'x' * 3 }}{{ '%s-%02d' % ('a', 3) }}{{ '{}-{:>4}'.format('a', 3) }}{{ 'abc'[::-1] }}
{{ 'a,b'.split(',')[1] }}{{ 'aXa'.replace('X', '-') }}{{ '%s' | format('x') }}"""
GROW = "{% set ns = namespace(x='aaaa') %}{% for i in range(60) %}{% set ns.x = "
BIG = "{% set x = 'x' * 999999 %}"
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "<é> & 'x'", "parameters": {"b": 1, "a": [None, True]}},
}


def reference(source, messages, tools, **names):
    from transformers.utils.chat_template_utils import render_jinja_template

    rendered, _ = render_jinja_template([messages], tools=tools or None, chat_template=source, **names)
    return rendered[0]


MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": st.text(max_size=12)},
        optional={
            "tool_calls": st.just([{"type": "function", "function": {"name": "f", "arguments": {"é": ["<", 1.5]}}}])
        },
    ),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(messages=MESSAGES, with_tools=st.booleans(), prompt=st.booleans(), source=st.sampled_from([CHATML, MACROS]))
def test_renders_as_transformers_does(messages, with_tools, prompt, source):
    tools = [TOOL] if with_tools else []
    names = {"bos_token": "<s>", "eos_token": "</s>"}
    ours = ChatTemplate(source, names).render(messages, tools, prompt)
    assert ours == reference(source, messages, tools, add_generation_prompt=prompt, **names)


def test_json_is_written_as_json_dumps_does():
    messages = [{"role": "user", "content": {"z": "<b> & 'é'", "a": [1, 2.5, None, True]}}]
    rendered = ChatTemplate("{{ messages[0].content | tojson }}").render(messages)
    assert rendered == json.dumps(messages[0]["content"], ensure_ascii=False)


def test_further_names_reach_the_template():
    template = ChatTemplate("{% if enable_thinking is defined and not enable_thinking %}quick{% else %}slow{% endif %}")
    assert template.render([]) == "slow"
    assert template.render([], variables={"enable_thinking": False}) == "quick"


def test_the_names_a_template_reads_are_known():
    source = (
        "{% macro m(a) %}{{ a }}{{ style }}{% endmacro %}{% set b = namespace(c=1) %}{{ bos_token }}{{ m(b.c) }}"
        "{% if tools %}{% for x in messages %}{{ x }}{{ loop.index }}{% endfor %}{% endif %}{{ documents }}"
        "{% if enable_thinking is defined %}{{ raise_exception(1) }}{% endif %}{{ reasoning_effort | default('low') }}"
    )
    template = ChatTemplate(source, {"bos_token": "<s>"})
    assert template.variables == {"style", "enable_thinking", "reasoning_effort"}


@pytest.mark.parametrize("name", ["messages", "tools", "documents", "add_generation_prompt", "bos_token"])
def test_what_a_template_is_given_anyway_is_no_variable(name):
    with pytest.raises(TemplateError, match=name) as caught:
        ChatTemplate("x", {"bos_token": "<s>"}).render([], variables={name: "y"})
    assert caught.value.param == "variables"


def test_variables_are_plain_values():
    with pytest.raises(TemplateError, match="variables must be plain") as caught:
        ChatTemplate("x").render([], variables={"a": object()})
    assert caught.value.param == "variables"


def test_the_date_can_be_written():
    assert len(ChatTemplate("{{ strftime_now('%Y-%m-%d') }}").render([])) == 10


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n{% if %}", "line 2"),
        ("a\n\n{{ raise_exception('roles must alternate') }}", "line 3: roles must alternate"),
        ("{{ messages[0].nothing.here }}", "line 1"),
        ("\n{{ 1 / 0 }}", "line 2: ZeroDivisionError"),
        ("{{ messages[0] + 1 }}", "TypeError"),
        ("{% include 'x' %}", "line 1"),
    ],
)
def test_a_failing_template_says_where_and_why(source, said):
    with pytest.raises(TemplateError) as caught:
        ChatTemplate(source).render([{"role": "user", "content": "x"}])
    assert said in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.__class__.__name__ }}",
        "{{ raise_exception.__globals__.json }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='x') }}",
        "{{ (messages | attr('__class__')).x }}",
        "{{ '{0.__class__.x}'.format(messages) }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum.__globals__['os'] }}",
    ],
)
def test_a_template_cannot_reach_out(source):
    with pytest.raises(TemplateError):
        ChatTemplate(source).render([{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in 'x' * 999999 %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        GROW + "ns.x ~ ns.x %}{% endfor %}",
        GROW + "ns.x + ns.x %}{% endfor %}",
        GROW + "[ns.x, ns.x] | join %}{% endfor %}",
        GROW + "ns.x.replace('a', ns.x) %}{% endfor %}",
        GROW + "ns.x | replace('a', ns.x) %}{% endfor %}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 'a' | center(10 ** 9) }}",
        "{{ 'a'.ljust(10 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ range(10 ** 9) | list }}",
        "{{ messages | tojson(indent=10 ** 9) }}",
        "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{{ lipsum(3) }}",
        BIG + "{% for i in range(99999) %}{% set y = x | upper %}{% endfor %}",
        BIG + "{% for i in range(99999) %}{% set y = x.count('a') %}{% endfor %}",
        BIG + "{% for i in range(99999) %}{% set y = 'a'.count(x) %}{% endfor %}",
        BIG + "{% for i in range(99999) %}{% set y = x ~ 'a' %}{% endfor %}",
        BIG + "{% for i in range(99999) %}{% set y = x + 'a' %}{% endfor %}",
        "{% for i in range(99999) %}{% set y = range(99999) | sum %}{% endfor %}",
        "{% for i in range(99999) %}{% set y = range(99999) | map('string') | join %}{% endfor %}",
    ],
)
def test_a_template_cannot_run_on(source):
    with pytest.raises(TemplateError):
        ChatTemplate(source).render([{"role": "user", "content": "x"}])


def test_bounds_on_what_comes_in():
    with pytest.raises(TemplateError, match="messages"):
        ChatTemplate("x").render([{"role": "user"}] * (MAX_MESSAGES + 1))
    with pytest.raises(TemplateError, match="at most"):
        ChatTemplate("x" * (MAX_SOURCE + 1))
    with pytest.raises(TemplateError, match="longer"):
        ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}").render(
            [{"content": "x" * (MAX_TEXT // 2)}] * 3
        )
    with pytest.raises(TemplateError, match="plain JSON"):
        ChatTemplate("x").render([{"role": "user", "content": object()}])


def test_messages_are_left_as_they_were():
    messages = [{"role": "user", "content": ["a"]}]
    ChatTemplate("{% set x = messages[0].content | reverse | list %}{{ x }}").render(messages)
    assert messages == [{"role": "user", "content": ["a"]}]


def test_work_is_counted_for_each_rendering():
    template = ChatTemplate("{% for i in range(90000) %}{% endfor %}ok")
    texts = []
    threads = [threading.Thread(target=lambda: texts.append(template.render([]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["ok"] * 4
