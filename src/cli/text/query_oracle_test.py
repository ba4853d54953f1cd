#!/usr/bin/env python3
"""query against the language's reference implementation (Debian's python3-jmespath): the same expressions are accepted,
with the same results, over a table and over expressions put together at random with a fixed seed.

usage: query_oracle_test.py PROGRAM

Where the two differ on purpose (`same()` and STRICTER have the rules):
- Results that are equal as numbers are equal (2 and 2.0).
- A comparison of a number with a string is null here; the reference ends with an exception of Python's.
- to_string() of what is no string gives the text of the JSON, which the reference writes with escapes for all but ASCII.
- Refused here, and taken by the reference: a reference (&) outside of a call, a slice of step 0 (an exception of Python's),
  an index of more than 63 bits, and a literal that begins like JSON and is none.
"""
import json
import random
import subprocess
import sys

try:
    import jmespath
except ImportError:
    print("skipped: python3-jmespath is not installed")
    sys.exit(77)

SEED = 20261129
RANDOM = 20000

DOCUMENTS = [
    {"a": {"b": {"c": [1, 2, 3]}}, "n": None, "t": True, "f": False, "s": "héllo 😀", "e": "", "z": [], "o": {}},
    [{"name": "blink", "state": "running", "id": "2f07", "size": 4096, "tags": ["x", "y"]},
     {"name": "leak", "state": "stopped", "id": "ae47", "size": 192512, "tags": []},
     {"name": "probe", "state": "running", "id": "3b", "size": 65536}],
    {"memoryStats": {"currentMemoryUsageInBytes": 65536, "userModeMemoryUsageInBytes": 36864},
     "apps": [{"id": "a", "processes": [{"pid": 1, "live": [10, 20]}, {"pid": 2, "live": []}]},
              {"id": "b", "processes": []}, {"id": "c", "processes": [{"pid": 3, "live": [[5], 6]}]}]},
    [[0, 1, [2, 3]], [4], 5, None, [[[6]]]], [3, 1, 2], ["b", "a", "é", "ab"], [1.5, -2, 0, 1e3], "text", 7, None, True,
    {"with space": 1, "dash-ed": {"x": 1}, "q\"": 2, "1": 3}, 9007199254740993, [9007199254740993, 1],
]

EXPRESSIONS = r'''
@|a|a.b|a.b.c|a.b.c[0]|a.b.c[-1]|a.b.c[3]|a.b.c[1:]|a.b.c[:2]|a.b.c[::-1]|a.b.c[::2]|a.b.c[-2:]|a.b.c[5:1:-1]|a.b.c[-9:9]
[0]|[*]|[*].name|[].name|[?state=='running'].name|[?state=='running'] | [0].name|[?size>`10000`].{n:name,s:size}
[*].[name,size]|[0].{a:name,b:tags[0]}|*|*.b|a.*|a.*.c|*.*|[*].tags|[*].tags[]|[*].tags[*]|[].tags[0]|[?tags].name
apps[].processes[].pid|apps[*].processes[*].pid|apps[*].processes[].live[]|apps[*].processes[*].live[]|apps[].processes[]
apps[].processes[].live[][]|[][]|[]|[][][]|memoryStats.userModeMemoryUsageInBytes|memoryStats.*|memoryStats | keys(@)
length(@)|length(s)|length(a)|keys(@)|values(@)|type(@)|type(n)|sort(@)|sort_by(@,&name)|sort_by(@,&size)[*].name|max(@)
sort_by(@, &size)[-1].name|max_by(@, &size).name|min_by(@, &name).id|min(@)|sum(@)|avg(@)|sum([*].size)|avg([*].size)
join(',', @)|join(', ', [*].name)|contains(@, 'a')|contains(@, `1`)|contains(s, 'll')|starts_with(s, 'h')|ends_with(s,'o')
reverse(@)|reverse(s)|to_string(@)|to_number(@)|to_number('12')|to_number('x')|to_array(@)|not_null(n, x, s)|not_null(x)
map(&name, @)|map(&size, [*])|abs(@)|ceil(@)|floor(@)|merge(@, {x: `1`})|merge(a, {b: `2`}, {b: `3`})|abs(`-1.5`)
a && t|a || t|n || e || s|!n|!t|!!s|n == `null`|a == a|z == `[]`|o == `{}`|e == ''|a.b == `{"c":[1,2,3]}`|[0] < [1]
`1` < `2`|`1` <= `1`|`2` > `1`|`1` >= `2`|`1` != `2`|'a' < 'b'|`"a"`|`foo`|`[1, 2]`|`{"a": 1}`|'it\'s'|'back\\slash'
"with space"|"dash-ed".x|"q\""|"1"|"\u0061"|a."b".c|{x: a, y: b}|[a, b]|{"x y": a}|[name, id]|[a.b, n]|(a || b).b|(a).b.c[0]
[?name]|[?!name]|[?size > `4096` && state == 'running'].name|[?size > `4096` || state == 'running'].name|[?contains(name,'e')]
[?@ > `1`]|[?@ == `null`]|[?length(@) > `1`]|[*] | [0]|[*][0]|([*])[0]|[0][1]|[0][-1][0]|[-1]|[5]|[0:2]|[0:2].name|[:1][].tags
[*].{n: name, r: state == 'running'}|[*].[name || 'x', size]|sort_by(@,&name)[?size].size | sum(@)|@.a|@[0]|a.@|a.[b]|a.{x:b}
a.b.c | [0]|a.b.c[*] | [0]|[?state!='running']|[?`true`].name|[?`false`]|foo[*]|foo[]|foo[?x]|foo.*|foo[0:1]|foo.bar.baz|foo | bar
[?tags[?@=='x']].name|[?tags[0]=='x'].tags[1]|length([?state=='running'])|type(`1`)|type('a')|type([])|to_string(`1.50`)
'''

WRONG = r'''
|.|a.|a..b|[|]|{|}|a[|a[0|a[b]|[?|[?a|a b|a.[|a.{|{a}|{a:}|{a:b|[a,|(|)|(a|a)|a &b|foo(|foo(a)|length()|length(a,b)|a ==|== a
a = b|a === b|'x|"x|`x|!|a !b|a.0|a[0 1]|a[1:2:3:4]|*a|[*|[*a]|-|a-b|#|%|a.b(@)c|"a"(@)|sort_by(@,name)
map(@,&a)|sort(&a)|join(',')|@@|@a|a@|"\x"|length(&a)|{a:b,}|[a,]|(a,b)
'''

STRICTER = ["&a", "a[::0]", "a[99999999999999999999]", "`{`", "`[1,]`"]

ATOMS = ["a", "b", "c", "name", "size", "state", "tags", "apps", "processes", "pid", "live", "@", "`1`", "`\"x\"`", "'a'", "`[1,2]`",
         "s", "n", "`null`", "memoryStats", "\"dash-ed\"", "`{}`"]
TAILS = ["[0]", "[-1]", "[*]", "[]", "[1:]", "[::-1]", ".*", ".name", ".size", ".b", ".processes", ".live", ".[name,size]",
         ".{x:name,y:@}", " | [0]", " | @", "[?@]", "[?size>`5000`]", "[?name=='leak']"]
CALLS = ["length(%s)", "keys(%s)", "values(%s)", "sort(%s)", "sum(%s)", "avg(%s)", "max(%s)", "min(%s)", "type(%s)", "to_array(%s)",
         "reverse(%s)", "not_null(%s,'d')", "to_string(%s)", "sort_by(%s,&size)", "max_by(%s,&name)", "map(&name,%s)", "abs(%s)",
         "join('-',%s)", "contains(%s,'a')", "(%s)", "!%s", "[%s]", "{k:%s}", "merge(%s,`{\"z\":1}`)"]
BINARY = [" == ", " != ", " < ", " >= ", " && ", " || ", " | ", "."]


def make(rng, depth):
    roll = rng.random()
    if depth == 0 or roll < 0.3:
        text = rng.choice(ATOMS)
    elif roll < 0.55:
        text = make(rng, depth - 1) + rng.choice(TAILS)
    elif roll < 0.75:
        text = rng.choice(CALLS) % make(rng, depth - 1)
    else:
        text = make(rng, depth - 1) + rng.choice(BINARY) + make(rng, depth - 1)
    return text


def oracle(expression, document):
    """(True, value), (False, None) for a refusal, or None where there is nothing to compare."""
    try:
        return True, jmespath.search(expression, document)
    except jmespath.exceptions.JMESPathError:
        return False, None
    except TypeError:  # Python's own: it compared a number with a string
        return None
    except (AttributeError, KeyError, ValueError, IndexError):
        return None


def same(ours, theirs):
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return ours == theirs or abs(ours - theirs) <= 1e-9 * abs(theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    return ours == theirs or (isinstance(ours, str) and isinstance(theirs, str) and as_json(ours) == as_json(theirs))


def as_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def cases():
    # a '|' between two expressions of a table has no blank on its left; the operator has
    for line in EXPRESSIONS.strip().splitlines():
        for expression in line.replace(" || ", "\1").replace(" | ", "\2").split("|"):
            expression = expression.replace("\1", " || ").replace("\2", " | ")
            for document in DOCUMENTS:
                yield expression, document
    for line in WRONG.strip().splitlines():
        for expression in line.split("|"):
            yield expression, DOCUMENTS[0]
    for expression in STRICTER:
        yield expression, DOCUMENTS[0]
    rng = random.Random(SEED)
    for _ in range(RANDOM):
        yield make(rng, rng.randint(1, 5)), rng.choice(DOCUMENTS)


def main(program):
    table = [case for case in cases() if case[0].strip()]
    lines = "".join(f"{e}\t{json.dumps(d, ensure_ascii=False, separators=(',', ':'))}\n" for e, d in table)
    out = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, timeout=100, check=True).stdout
    answers = out.decode().splitlines()
    assert len(answers) == len(table), (len(answers), len(table))
    wrong = values = refused = 0
    for (expression, document), answer in zip(table, answers):
        expected = (False, None) if expression in STRICTER else oracle(expression, document)
        if expected is None:
            continue
        values += expected[0]
        refused += not expected[0]
        good = not answer.startswith("!") and same(json.loads(answer), expected[1]) if expected[0] else answer.startswith("!")
        if not good and wrong < 40:
            print(f"{expression!r} on {json.dumps(document)[:120]}:\n  ours {answer[:200]}\n  theirs {expected}")
        wrong += not good
    print(f"{values} results and {refused} refusals compared, {wrong} differ")
    assert values > 5000 and refused > 1000
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
