"""Code as people have it, with the vendor's hosts in it, answered by `sembla serve`."""

import json
import shutil
import subprocess

import numpy as np
import pytest

TEXTS = ["What is Medicare?", "How do I sign up?", "Whom do I ask?"]


def assert_same(got, expected):
    # The clients take floats through base64 and JSON; nothing is lost on the way.
    assert np.array_equal(np.float32(got), np.float32(expected))


def test_openai(proxy, embed):
    got = proxy.run(
        f"""
        import json, openai
        client = openai.OpenAI(max_retries=0)
        answer = client.embeddings.create(model="text-embedding-3-small", input={TEXTS!r})
        print(json.dumps([item.embedding for item in answer.data]))
        """
    )
    assert_same(got, embed(TEXTS))


def test_requests(proxy, embed):
    got = proxy.run(
        f"""
        import json, requests
        answer = requests.post(
            "https://api.openai.com/v1/embeddings",
            headers={{"Authorization": "Bearer sk-any"}},
            json={{"model": "any", "input": {TEXTS!r}}},
        )
        answer.raise_for_status()
        print(json.dumps([item["embedding"] for item in answer.json()["data"]]))
        """
    )
    assert_same(got, embed(TEXTS))


def test_the_hubs_client_of_tutorial_0(proxy, embed):
    got = proxy.run(
        """
        import json
        from huggingface_hub import InferenceClient, __version__
        assert __version__ == "0.20.3"
        client = InferenceClient(model="sentence-transformers/all-MiniLM-L6-v2", token="hf_any")
        print(json.dumps(client.feature_extraction("What is Medicare?").tolist()))
        """
    )
    assert_same(np.ravel(got), embed(TEXTS[:1])[0])


def test_many_requests_at_once(proxy, embed):
    got = proxy.run(
        """
        import concurrent.futures, json, openai
        client = openai.OpenAI(max_retries=0)
        def ask(number):
            return client.embeddings.create(model="any", input=f"text {number}").data[0].embedding
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            print(json.dumps(list(pool.map(ask, range(200)))))
        """
    )
    expected = embed([f"text {number}" for number in range(200)])
    assert_same(got, expected)


def test_a_large_request_and_a_large_answer(proxy):
    got = proxy.run(
        """
        import json, requests
        texts = ["short"] * 20_000 + ["x" * 8_000_000]
        answer = requests.post("https://api.openai.com/v1/embeddings", json={"model": "any", "input": texts})
        answer.raise_for_status()
        print(json.dumps([len(answer.json()["data"]), len(answer.content)]))
        """
    )
    assert got[0] == 20_001 and got[1] > 4_000_000, got


def test_what_the_server_hands_out_is_reached_without_the_proxy(proxy, tiny_server):
    got = proxy.run(
        """
        import json, requests
        body = {"name": "faq", "dimension": 2, "metric": "cosine",
                "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
        made = requests.post("https://api.pinecone.io/indexes", headers={"Api-Key": "any"}, json=body)
        assert made.status_code == 201, made.text
        host = made.json()["host"]
        stats = requests.post(host + "/describe_index_stats", json={})
        print(json.dumps([host, stats.status_code]))
        """
    )
    assert got == [f"{tiny_server.url}/pinecone/i/faq", 200]


def test_another_host_is_refused_at_once_and_the_error_says_by_whom(proxy):
    seconds, error = proxy.run(
        """
        import json, requests, time
        began = time.monotonic()
        try:
            requests.get("https://storage.googleapis.com/bucket", timeout=30)
            error = "none"
        except requests.exceptions.ProxyError as err:
            error = str(err)
        print(json.dumps([time.monotonic() - began, error]))
        """
    )
    assert seconds < 5
    assert "sembla proxy does not serve storage.googleapis.com" in error


def test_without_a_server_the_error_says_how_to_start_one(serve, tiny_model, proxy_to):
    with serve("--model", tiny_model) as server:
        url = server.url
    with proxy_to(url) as proxy:
        status, message = proxy.run(
            """
            import json, openai
            try:
                openai.OpenAI(max_retries=0).embeddings.create(model="any", input="a")
            except openai.APIStatusError as err:
                print(json.dumps([err.status_code, str(err)]))
            """
        )
    assert status == 502
    assert f"no server answers at {url}" in message and "sembla serve" in message


def test_the_strictest_checks_of_python_are_passed(proxy):
    got = proxy.run(
        """
        import http.client, json, os, ssl
        context = ssl.create_default_context()
        # What Python's own default is from 3.13 on.
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        host, port = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
        statuses = []
        for name in ["api.openai.com", "faq-a1b2c3d.svc.us-east1-gcp.pinecone.io"]:
            connection = http.client.HTTPSConnection(host, int(port), context=context)
            connection.set_tunnel(name, 443)
            connection.request("GET", "/v1/models")
            statuses.append([connection.getresponse().status, connection.sock.version()])
        print(json.dumps(statuses))
        """
    )
    assert [status for status, _ in got] == [200, 404]
    assert {version for _, version in got} == {"TLSv1.3"}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_authority_says_whose_it_is_and_ends_within_ten_years(proxy):
    command = ["openssl", "x509", "-in", proxy.variables["SSL_CERT_FILE"], "-noout", "-subject", "-checkend"]
    ten_years = str(3653 * 24 * 3600)
    done = subprocess.run([*command, ten_years], capture_output=True, text=True)
    assert "Sembla local" in done.stdout
    assert done.returncode == 1, "it does not last ten years"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(proxy):
    command = ["curl", "--silent", "--show-error", "--fail", "https://api.openai.com/v1/models"]
    done = subprocess.run(command, env=proxy.variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["object"] == "list"
