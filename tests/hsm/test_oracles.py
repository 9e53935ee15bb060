"""An RSA ciphertext that does not open says nothing of why; that its time says nothing, `benchmarks.oracles` measures."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.hsm.types import Custody
from benchmarks.oracles import ALGORITHMS, Oracle, classes
from tests.hsm.conftest import binding
from tests.support.known_answers import pkcs8

EACH = 20


@pytest.fixture(scope="module")
def private():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def oracles(hsm, vault_key, private):
    return {
        custody: Oracle(hsm, hsm.import_key(binding(custody), material=pkcs8(private), vault_key=vault_key), vault_key)
        for custody in Custody
    }


@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_every_fault_has_the_one_answer(oracles, private, algorithm, custody):
    makers = classes(algorithm, private.public_key())
    answers = {name: {oracles[custody].answer(algorithm, make()) for _ in range(EACH)} for name, make in makers.items()}
    one = "bytes" if algorithm == "RSA1_5" else "BadCiphertext()"
    assert len(answers) >= 5
    assert answers == {name: {one} for name in makers}


@pytest.mark.parametrize("algorithm", ["RSA-OAEP", "RSA-OAEP-256"])
def test_manger_has_his_classes(private, algorithm):
    """The block behind the ciphertext begins with a byte that is not zero in the one class, with zero in the others."""
    numbers = private.private_numbers()
    for name, make in classes(algorithm, private.public_key()).items():
        block = pow(int.from_bytes(make()), numbers.d, numbers.public_numbers.n).to_bytes(256)
        if name != "random ciphertext":
            assert (block[0] != 0) is (name == "first byte wrong")
