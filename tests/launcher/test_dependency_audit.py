"""Known vulnerabilities of locked packages fail the suite; a database that cannot be reached is reported."""

import http.server
import json
import threading

import pytest

from apps.launcher import suite
from apps.launcher.dependency_audit import ACCEPTED, Audit, audit_locks

HASH = "--hash=sha256:" + "0" * 64


class Osv(http.server.BaseHTTPRequestHandler):
    """As much of OSV's API as a look-up needs: one package has an advisory."""

    def do_POST(self):
        package = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        named = package["package"]["name"] == "jinja2" and package["version"] == "2.4.1"
        answer = {
            "vulns": [
                {
                    "id": "PYSEC-2019-217",
                    "aliases": ["CVE-2016-10745"],
                    "summary": "sandbox escape",
                    "details": "sandbox escape",
                    "affected": [
                        {
                            "package": {"name": "jinja2", "ecosystem": "PyPI"},
                            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.8.1"}]}],
                            "versions": ["2.4.1"],
                        }
                    ],
                }
            ]
        }
        body = json.dumps(answer if named else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def locked(directory, **packages):
    lines = [f"{name}=={version} \\\n    {HASH}" for name, version in packages.items()]
    (directory / "test.txt").write_text("\n".join(lines) + "\n")
    return directory


def test_a_known_vulnerability_is_named_and_fails(tmp_path, service, monkeypatch):
    result = audit_locks(locked(tmp_path, jinja2="2.4.1", idna="3.7"), service_url=service)
    (found,) = result.vulnerable
    assert found.startswith("jinja2 2.4.1: PYSEC-2019-217, CVE-2016-10745; fixed in 2.8.1")
    assert result.lines == [f"dependency audit: KNOWN VULNERABILITY: {found}"]
    monkeypatch.setattr("apps.launcher.dependency_audit.audit_locks", lambda: result)
    assert suite._audit() == 1


def test_packages_without_one_are_counted(tmp_path, service):
    result = audit_locks(locked(tmp_path, jinja2="3.1.6", idna="3.7"), service_url=service)
    assert result == Audit(2)
    assert result.lines == ["dependency audit: 2 packages, no known vulnerability"]


def test_without_a_connection_it_says_so_and_fails_nothing(tmp_path, monkeypatch, capsys):
    result = audit_locks(locked(tmp_path, idna="3.7"), service_url="http://127.0.0.1:9/v1/query")
    assert (result.checked, result.vulnerable) == (0, ())
    assert "COULD NOT RUN" in result.lines[-1]
    assert "no known vulnerability" not in " ".join(result.lines)
    monkeypatch.setattr("apps.launcher.dependency_audit.audit_locks", lambda: result)
    assert suite._audit() == 0
    assert "COULD NOT RUN" in capsys.readouterr().out


def test_without_the_program_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert audit_locks(locked(tmp_path, idna="3.7")).problem == "pip-audit is not installed"


def test_a_slow_database_ends_the_audit_and_not_the_suite(tmp_path, service):
    assert "within 0 seconds" in audit_locks(locked(tmp_path, idna="3.7"), service_url=service, timeout=0.01).problem


def test_nothing_read_is_not_nothing_found(tmp_path, service):
    (tmp_path / "test.txt").write_text("")
    assert audit_locks(tmp_path, service_url=service).problem


def test_each_accepted_vulnerability_has_a_reason():
    assert all(len(reason) > 20 for reason in ACCEPTED.values())
