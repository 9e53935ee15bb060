"""Mutated foreign inputs, at the functions that read them: taken, or refused as a request is; nothing else, and soon.

MUTATED_INPUTS says how many (4 000 in the suite). The seed is fixed, so that a failure can be looked at again.
"""

import base64
import collections
import gc
import json
import os
import random
import time
import warnings

import psutil
import pytest

from apps.core.errors import BadRequest
from apps.core.foreign_certificates import UnreadableCertificate, read_certificate
from apps.core.strict_json import loads
from apps.domain.certificates import containers, unlocking
from apps.domain.certificates.container_work import is_too_much
from apps.domain.certificates.description import policy_of
from apps.domain.certificates.merged_chain import read_x5c
from apps.domain.certificates.names import BadName, read_name, write_name
from apps.domain.certificates.policy import PEM, Policy, validate_policy
from apps.domain.certificates.x509 import check_creatable
from apps.domain.identity.client_assertions import read_claims
from apps.domain.identity.document_fetch import readable_keys
from apps.domain.keys.key_material import parse_pem
from apps.interfaces.keyvault_api.serializers.certificates import parse_policy
from tests.support import mutated_inputs
from tests.support.foreign import PASSWORD
from tests.support.mutated_requests import BODIES, change, paths

COUNT, SEED = int(os.environ.get("MUTATED_INPUTS", "4000")), 20261130
MOST_CPU = 2.0  # seconds of the processor that one request may take
MOST_GROWTH = 50 * 1024 * 1024

pytestmark = [pytest.mark.timeout(7200), pytest.mark.slow]


def as_certificate(data, _rng):
    validate_policy(described := policy_of(read_certificate(data), content_type=PEM), described=described)


def as_container(data, rng):
    """Through the process with limits seldom, since it costs a hundred times as much; otherwise what that runs."""
    password = PASSWORD if rng.random() < 0.5 else None
    if rng.random() < 0.01:
        containers.parse_container(base64.b64encode(data).decode(), password=password, preserve_order=True)
    elif not is_too_much(data):
        json.loads(unlocking.parse(unlocking.question(data, password=password, pfx=True)))


def as_pem(data, rng):
    if rng.random() < 0.03:
        containers.parse_container(data.decode("latin-1"), password=PASSWORD)
    else:
        parse_pem(data.decode("utf-8", "replace"))


def as_x5c(data, rng):
    read_x5c([base64.b64encode(data).decode() if rng.random() < 0.8 else data.decode("latin-1")])


def as_key(data, _rng):
    parse_pem(data.decode("utf-8", "replace")[:32_000])


def as_name(data, _rng):
    text = data.decode("utf-8", "replace")
    check_creatable(validate_policy(Policy(subject=text)))
    read = read_name(text)
    assert read_name(write_name(read)) == read


def as_jwks(data, _rng):
    document = loads(data)
    readable_keys(document if isinstance(document, dict) else {"keys": document})


def as_token(data, _rng):
    read_claims(data.decode("utf-8", "replace"))


READERS = {
    "certificate": as_certificate,
    "pfx": as_container,
    "pem": as_pem,
    "x5c": as_x5c,
    "jwk": as_key,
    "key": as_key,
    "name": as_name,
    "jwks": as_jwks,
    "token": as_token,
}
REFUSALS = (BadRequest, UnreadableCertificate, BadName)


def run(reader, data, rng, results):
    started = time.thread_time()
    try:
        reader(data, rng)
        results["taken"] += 1
    except REFUSALS:
        results["refused"] += 1
    except Exception as error:  # noqa: BLE001  whatever else comes out is the finding
        pytest.fail(f"{reader.__name__} of {repr(data)[:3000]}: {error!r}")
    assert time.thread_time() - started < MOST_CPU, (reader.__name__, repr(data)[:3000])


def test_mutated_inputs_are_taken_or_refused(capsys):
    rng, kinds = random.Random(SEED), mutated_inputs.seeds()
    everything = [data for inputs in kinds.values() for data in inputs]
    results, before = collections.Counter(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what foreign certificates hold
        for number in range(COUNT):
            if number == min(COUNT // 4, 5000):
                gc.collect()
                before = psutil.Process().memory_info().rss
            kind = rng.choice(list(kinds))
            run(READERS[kind], mutated_inputs.spoiled(rng, rng.choice(kinds[kind]), everything), rng, results)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    assert grown < MOST_GROWTH
    assert results["taken"] > COUNT // 100
    assert results["refused"] > COUNT // 4
    with capsys.disabled():
        print(f"\n{COUNT} mutated inputs: {dict(results)}, grown by {grown >> 20} MB")  # noqa: T201  the figure


def test_mutated_policies_are_made_or_refused():
    rng, results = random.Random(SEED), collections.Counter()
    for _ in range(max(COUNT // 10, 200)):
        policy = json.loads(json.dumps(BODIES["CertificateCreate"]["policy"]))
        for _ in range(rng.randint(1, 3)):
            change(rng, policy, rng.choice(list(paths(policy)) or [("x",)]))
        run(lambda data, _rng: check_creatable(validate_policy(parse_policy(data))), policy, rng, results)
    assert results["taken"]
    assert results["refused"]
