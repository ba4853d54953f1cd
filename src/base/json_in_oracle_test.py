#!/usr/bin/env python3
"""json_in and json_out against Python's json module: the same texts are accepted, with the same values.

usage: json_in_oracle_test.py PROGRAM [CORPUS-DIR]

PROGRAM is json_in_oracle: it answers each text with the text that json_out made of it, or refuses it. Python reads
both; the values must be equal. The texts are a table, mutations of it with a fixed seed, and the fuzz corpus.

Where the two differ on purpose (`oracle()` has the rules):
- NaN, Infinity and -Infinity: Python's extension; RFC 8259 has no such numbers, json_in refuses them.
- Depth: json_in refuses more than 32 levels, Python more than its recursion limit.
- Half of a surrogate pair: Python makes a str that no UTF-8 can hold; json_in refuses it.
- Bytes that are not UTF-8: refused by json_in; here Python's decoder refuses them before its parser.
Duplicate keys are no difference: both accept them, and in both the last one counts.
"""
import json
import os
import random
import re
import struct
import subprocess
import sys

SEED = 20261122
MUTATIONS = 30000
REFUSED = 0xFFFFFFFF

ACCEPTED = r'''
null|true|false|0|-0|1|-1|10|1.5|-0.0|1e5|1E5|1e+5|1e-5|1.25e+10|123456789012345678901234567890|""|"a"|"\u0041"
"\"\\\/\b\f\n\r\t"|"\u0000"|"\ud83d\ude00"|"é"|"😀"|"\u007f"|"\u0080"|"\uffff"|[]|{}|[1]|[1,2]|[ 1 , 2 ]|[[]]
[[],[[]]]|{"a":1}|{"a":1,"a":2}|{"a":{"b":[1,{"c":null}]}}|{"":""}|{"\u0061":1,"a":2}| 1 |[true,false,null]
{"a b":"c:d,e","x":["]","}","\"","\\"]}|"//"|"\u2028"|{"é":"ü"}|1e400|-1e400|0.1e1|{"k":"\\"}|"\\\\"|["\\",1]
'''
REJECTED = r'''
|x|nul|nulll|True|tru|+1|01|-01|00|1.|.5|1.e1|1e|1e+|1e1.5|0x1|1_000|--1|-|"|"a|'a'|"\x"|"\u12"|"\u12g4"|"\u 123"
[|]|[1|[1,|[1,]|[,]|[,1]|[1 2]|[1,,2]|{|}|{]|[}|{1:2}|{"a"}|{"a":}|{"a":1,}|{"a":1 "b":2}|{,}|{"a",1}|{a:1}|1 2
[] []|{}[]|"a" "b"|// c|/* c */ 1|[1] // c|(1)|{"a":1}}|[1]]|"\u+123"|"\u-123"|1e5x|truefalse|[true false]|nan
'''
CONTROL = [b'"a\nb"', b'"\x00"', b"\x00", b'"\x1f"', b"[1\x0b]", b"\x0c1", b"1\xc2\xa0", b"\xef\xbb\xbf1", b"\r\n\t 1\r\n\t "]
DIFFERENT = [b"NaN", b"Infinity", b"[-Infinity]", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\xed\xa0\x80"',
             b'"\xc0\x80"', b"[" * 33 + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33, b"9" * 5000]


def rows(block):
    return [row.encode() for line in block.strip("\n").split("\n") for row in line.split("|")]


def has_surrogate(value):
    if isinstance(value, str):
        return any(0xD800 <= ord(c) <= 0xDFFF for c in value)
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    return isinstance(value, list) and any(map(has_surrogate, value))


class Constant(Exception):
    """A word that only Python takes for a number."""


def refuse_constant(word):
    raise Constant(word)


def pairs(items):
    """An object with every member, so that dropped duplicates cannot hide one that json_in would refuse."""
    return {"members": [[key, value] for key, value in items]}


def oracle(text):
    """Whether json_in must accept the text, its value, and which rule that Python lacks refuses it."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return False, None, None
    try:
        value = json.loads(decoded, parse_int=str, parse_float=str, parse_constant=refuse_constant)
        members = json.loads(decoded, parse_int=str, parse_float=str, object_pairs_hook=pairs)
    except Constant:
        return False, None, "constant"
    except (json.JSONDecodeError, RecursionError):
        return False, None, None
    if has_surrogate(members):
        return False, None, "surrogate"
    if nesting(decoded) > 32:
        return False, None, "depth"
    return True, value, None


def nesting(decoded):
    """Levels of brackets outside strings, for a text that Python accepted."""
    deepest = depth = 0
    for part in re.sub(r'"(?:[^"\\]|\\.)*"', "", decoded):
        depth += (part in "[{") - (part in "]}")
        deepest = max(deepest, depth)
    return deepest


def mutate(random_source, text):
    alphabet = b'{}[],:"\\/ \n\t0123456789eE+-.truefalsn\xc3\xa9\xff\x00u'
    text = bytearray(text)
    for _ in range(random_source.randint(1, 3)):
        at = random_source.randint(0, len(text))
        choice = random_source.random()
        if choice < 0.4:
            text[at:at] = bytes([random_source.choice(alphabet)])
        elif choice < 0.7:
            del text[at:at + random_source.randint(1, 3)]
        else:
            text[at:at + 1] = bytes([random_source.choice(alphabet)])
    return bytes(text)


def ask(program, texts):
    request = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    reply = subprocess.run([program], input=request, stdout=subprocess.PIPE, check=True).stdout
    answers, at = [], 0
    while at < len(reply):
        size = struct.unpack_from("<I", reply, at)[0]
        at += 4
        answers.append(None if size == REFUSED else reply[at:at + size])
        at += 0 if size == REFUSED else size
    assert len(answers) == len(texts), f"{len(answers)} answers to {len(texts)} texts"
    return answers


def collect(corpus):
    texts = rows(ACCEPTED) + rows(REJECTED) + CONTROL + DIFFERENT
    texts += [b"[" * 32 + b"]" * 32, b'{"a":' * 32 + b"1" + b"}" * 32, b"[" * 100000]
    for name in sorted(os.listdir(corpus)) if corpus else []:
        with open(os.path.join(corpus, name), "rb") as file:
            texts.append(file.read())
    source = random.Random(SEED)
    seeds = rows(ACCEPTED)
    return texts + [mutate(source, source.choice(seeds)) for _ in range(MUTATIONS)]


def main():
    program, corpus = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    texts = collect(corpus)
    expected_of_table = dict.fromkeys(rows(ACCEPTED), True) | dict.fromkeys(rows(REJECTED), False)
    counts = {"accepted": 0, "refused": 0}
    reasons = {}
    failures = []
    for text, answer in zip(texts, ask(program, texts)):
        accepted, value, reason = oracle(text)
        if accepted != expected_of_table.get(text, accepted):
            failures.append(f"the table is wrong about {text!r}")
        if accepted != (answer is not None):
            failures.append(f"{text[:80]!r}: Python {accepted}, json_in {answer is not None}")
        elif accepted and json.loads(answer, parse_int=str, parse_float=str) != value:
            failures.append(f"{text[:80]!r}: written as {answer[:80]!r}")
        counts["accepted" if accepted else "refused"] += 1
        reasons[reason] = reasons.get(reason, 0) + (reason is not None)
    for reason in ("constant", "surrogate", "depth"):
        if not reasons.get(reason):
            failures.append(f"no text showed the difference '{reason}'")
    print(f"seed {SEED}: {counts['accepted']} accepted, {counts['refused']} refused by both, "
          f"{sum(reasons.values())} of them by the rules that Python lacks")
    for failure in failures[:20]:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
