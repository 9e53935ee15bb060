"""The portal's code samples for objects of the demo's vault, and what their programs print."""

import uuid

from apps.interfaces.console.code_samples import UsedObject, render_sample
from tests.support.certificates import created
from tests.support.management import vault_name


def samples(language, stack, keys, secrets, certificates):
    """By kind: (the program, a function that tells whether its output is right)."""
    name = f"sample-{uuid.uuid4().hex[:10]}"
    keys.create_rsa_key(f"{name}-signs", size=2048)
    keys.create_ec_key(f"{name}-curve", curve="P-384")
    keys.create_rsa_key(f"{name}-wraps", size=2048)
    secrets.set_secret(f"{name}-secret", "s3cret")
    thumbprint = created(certificates, f"{name}-certificate").properties.x509_thumbprint.hex()

    def sample(kind, suffix, **operation):
        used = UsedObject(
            kind=kind,
            name=f"{name}-{suffix}",
            vault=vault_name(stack.vault_url),
            url=stack.vault_url,
            tenant_id=stack.tenant,
            authority=stack.authority,
            portal=stack.portal_url,
            resource="https://" + stack.vault_url.split(".", 1)[1],
            **operation,
        )
        return render_sample(language, used)

    def hexadecimal(size):
        return lambda printed: len(bytes.fromhex(printed.strip())) == size

    return {
        "signs": (sample("keys", "signs", operation="sign", algorithm="RS512"), hexadecimal(256)),
        "curve": (sample("keys", "curve", operation="sign", algorithm="ES384"), hexadecimal(96)),
        "wraps": (sample("keys", "wraps", operation="wrapKey", algorithm="RSA-OAEP-256"), hexadecimal(256)),
        "secret": (sample("secrets", "secret"), lambda printed: printed == "6 characters\n"),
        "certificate": (sample("certificates", "certificate"), lambda printed: printed.strip() == thumbprint),
    }
