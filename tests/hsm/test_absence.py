"""The token directory goes away under a running process: noticed, nothing made, nothing blamed on the caller."""

import pytest

START = """
hsm = Hsm.open(config)
pins = hsm.create_masters(world="w", generation=1)
def binding(name="n", key_type=KeyType.EC, parameter="P-256", operations=("decrypt", "sign")):
    return Binding("w", 1, Custody.WRAPPED, "v", name, "1", key_type, parameter, operations)
def say(action):
    try:
        action()
        print("done")
    except errors.HsmError as error:
        print(type(error).__name__)
def leave():
    (directory / "tokens").rename(directory / "away")
def files():
    return sorted(str(path.name) for path in directory.rglob("*.object"))
"""


@pytest.fixture
def lines(fresh_token):
    return lambda program: fresh_token.run_alone(START + program)


def test_the_canary_notices_at_once_and_for_good(lines):
    assert lines("""
hsm.load_world(pins)
say(hsm.canary)
leave()
say(hsm.canary)
(directory / "away").rename(directory / "tokens")
say(hsm.canary)
""") == ["done", "DeviceFault", "DeviceFault"]


def test_the_canary_notices_before_masters_are_loaded(lines):
    assert lines("""
say(hsm.canary)
leave()
say(hsm.canary)
""") == ["done", "DeviceFault"]


def test_nothing_is_made_or_unwrapped_while_it_is_away(lines):
    assert lines("""
hsm.load_world(pins)
key = hsm.generate(binding())
hsm._key_store.handles.clear()
before = files()
leave()
say(lambda: hsm.generate(binding("new")))
say(lambda: hsm.sign(key, algorithm="ES256", digest=bytes(32)))
say(lambda: hsm.rebind(key, operations=("verify",)))
say(lambda: hsm.mac(world="w", generation=1, data=b""))
say(lambda: hsm.create_masters(world="w", generation=2))
(directory / "tokens").mkdir()
say(lambda: hsm.create_masters(world="w", generation=1))
print(files() == before)
""") == ["DeviceFault"] * 6 + ["True"]


def test_masters_that_are_not_found_in_a_token_that_is_away_are_not_called_missing(lines):
    """`MasterMissing` stops a worker for good; an absent token only until it is back."""
    assert lines("""
leave()
say(lambda: hsm.load_world(pins))
""") == ["DeviceFault"]


def test_a_bad_ciphertext_is_not_blamed_on_the_caller_while_it_is_away(lines):
    """SoftHSM says GENERAL_ERROR for both (docs/reference/pkcs11-facts.md section 10)."""
    assert lines("""
hsm.load_world(pins)
key = hsm.generate(binding(key_type=KeyType.RSA, parameter="2048"))
vault_key = hsm.generate(binding(key_type=KeyType.OCT, parameter="256", operations=("seal",)))
sealed = hsm.seal(vault_key, context=b"", plaintext=b"value")
ask = lambda: hsm.decrypt(key, algorithm="RSA-OAEP", ciphertext=bytes(255) + b"7")
opening = lambda: hsm.unseal(vault_key, context=b"other", sealed=sealed)
say(ask)
say(opening)
leave()
say(ask)
say(opening)
""") == ["BadCiphertext", "SealBroken", "DeviceFault", "DeviceFault"]


def test_what_is_cached_serves_on_until_the_canary_is_asked(lines):
    """Why the worker asks twice a second: session objects outlive their token (measured on SoftHSM 2.6.1)."""
    assert lines("""
hsm.load_world(pins)
key = hsm.generate(binding())
leave()
say(lambda: hsm.sign(key, algorithm="ES256", digest=bytes(32)))
say(hsm.canary)
""") == ["done", "DeviceFault"]
