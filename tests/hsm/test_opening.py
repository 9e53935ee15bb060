"""Opening the token: PIN, module, process. Each in a process of its own, for a module is initialised once in each."""

import pytest

OPEN = """
try:
    Hsm.open(config)
except errors.HsmError as error:
    print(type(error).__name__, "|", error)
"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a-wrong-pin", "refused the PIN"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"1234-\xff\xfe", "is not text"),
        (b"x" * 4_000, "refused the PIN"),
    ],
    ids=["wrong", "empty", "blank", "no text", "long"],
)
def test_a_bad_pin_stops_for_good_and_is_not_told(fresh_token, content, reason):
    (fresh_token.directory / "pin").write_bytes(content)
    (output,) = fresh_token.run_alone(OPEN)
    assert output.startswith("PinRefused") and reason in output
    assert "1234" not in output and "a-wrong-pin" not in output and "xxxx" not in output


def test_a_pin_file_that_is_not_there_stops_for_good(fresh_token):
    (fresh_token.directory / "pin").unlink()
    assert fresh_token.run_alone(OPEN)[0].startswith("PinRefused | the PIN file")


def test_a_newline_after_the_pin_does_no_harm(fresh_token):
    pin = fresh_token.directory / "pin"
    pin.write_bytes(pin.read_bytes() + b"\r\n")
    assert fresh_token.run_alone(OPEN + "else:\n    print('open')") == ["open"]


def test_a_token_that_is_not_there_is_a_device_fault(fresh_token):
    (fresh_token.directory / "tokens").rename(fresh_token.directory / "away")
    (fresh_token.directory / "tokens").mkdir()
    assert fresh_token.run_alone(OPEN)[0].startswith("DeviceFault | there is not exactly one token 'vp-tests'")


def test_a_module_that_is_none_is_a_device_fault(fresh_token):
    change = "import dataclasses; config = dataclasses.replace(config, module=pathlib.Path(MODULE))\n"
    for module in ("/usr/lib/no-such-module.so", "/etc/passwd", "libm.so.6"):
        (output,) = fresh_token.run_alone(f"MODULE = {module!r}\n" + change + OPEN)
        assert output.startswith("DeviceFault"), output


def test_a_module_that_somebody_else_initialised_is_refused(fresh_token):
    """python-pkcs11 initialises without locks, which can crash the process (docs/reference/pkcs11-facts.md section 1)."""
    (output,) = fresh_token.run_alone("import pkcs11\nkept = pkcs11.lib(str(config.module))\n" + OPEN)
    assert output.startswith("DeviceFault | the module could not be initialised (CKR 0x191)")


def test_a_module_does_not_come_along_through_a_fork(fresh_token):
    (output,) = fresh_token.run_alone(
        """
import os
hsm = Hsm.open(config)
if os.fork() == 0:
    try:
        Hsm.open(config)
    except errors.DeviceFault as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
hsm.canary()
""",
    )
    assert output.endswith("was loaded before this process was forked; load it after forking")


@pytest.mark.slow
def test_the_library_is_initialised_with_locks(fresh_token):
    """Without locks, threads that sign at once crash the process (docs/reference/pkcs11-facts.md section 1)."""
    (output,) = fresh_token.run_alone(
        """
import threading, time
hsm = Hsm.open(config)
hsm.load_world(hsm.create_masters(world="w", generation=1))
what = Binding("w", 1, Custody.WRAPPED, "v", "n", "1", KeyType.EC, "P-256", ("sign",))
key = hsm.generate(what)
masters, blob = hsm._key_store.masters_for(what), key.blob
from pkcs11 import Attribute, Mechanism
from apps.hsm import generation
until, done = time.monotonic() + 1.5, []
def work():
    session = hsm._token.open(rw=True)
    count = 0
    while time.monotonic() < until:
        handle = generation.unwrap(masters, what, blob, purpose=Attribute.SIGN)
        handle.destroy()
        session.generate_random(256)
        count += 1
    done.append(count)
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(done), min(done) > 0)
""",
    )
    assert output == "4 True"
