"""Reads the vector files of RSA Laboratories: keys and examples, as `# Name:` followed by lines of hex."""

FIELDS = {
    "modulus": "n",
    "public exponent": "e",
    "exponent": "d",
    "prime 1": "p",
    "prime 2": "q",
    "prime exponent 1": "dmp1",
    "prime exponent 2": "dmq1",
    "coefficient": "iqmp",
}


def examples(path):
    """(private key's numbers by the names of `cryptography`, message, ciphertext) of every OAEP example."""
    key, example, into, field = {}, {}, None, ""
    for line in [*path.read_text().splitlines(), "# end of file example"]:
        text = line.strip()
        if not text.startswith("#"):
            if into is not None and field and text:
                into[field] = into.get(field, "") + text.replace(" ", "")
            continue
        title = text.strip("# :").lower()
        field = ""
        if title.startswith("private key"):
            into = key = {}
        elif title.startswith("public key"):
            into = {}
        elif "example" in title:
            if "encryption" in example:
                numbers = {FIELDS[name]: int(value, 16) for name, value in key.items()}
                message = bytes.fromhex(example["message"])
                size = (numbers["n"].bit_length() + 7) // 8
                yield numbers, message, int(example["encryption"], 16).to_bytes(size)
            example, into = {}, None
        elif title in FIELDS and into is not None:
            field = title
        elif title.startswith("message") or title == "encryption":
            into, field = example, title.split()[0]
        elif title == "seed":
            into = {}
