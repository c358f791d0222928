"""The service as a function: events of API Gateway and of a load balancer, and what is no such event."""

import base64
import importlib.util
import io
import json

import pytest

from mlhelpers.course.files import find_root
from mlhelpers.serving.app import create_app
from mlhelpers.serving.functions import EventError, lambda_handler
from mlhelpers.serving.logs import RequestLog

JSON = {"Content-Type": "application/json", "Host": "abc.execute-api.eu-central-1.amazonaws.com"}


@pytest.fixture(scope="module")
def handler(bundle):
    return lambda_handler(create_app(bundle, drain_seconds=0))


@pytest.fixture(scope="module")
def body(bundle):
    return json.dumps({"rows": bundle.example["request"]["rows"]})


def version_1(path="/v1/predict", method="POST", body=None, headers=JSON, **more):
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": None,
        "queryStringParameters": None,
        "requestContext": {"stage": "prod", "identity": {"sourceIp": "203.0.113.9"}},
        "body": body,
        "isBase64Encoded": False,
        **more,
    }


def version_2(path="/v1/predict", method="POST", body=None, stage="$default", **more):
    about = {"http": {"method": method, "path": path, "sourceIp": "203.0.113.9"}, "stage": stage}
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in JSON.items()},
        "requestContext": about,
        "isBase64Encoded": False,
        **more,
    }
    return event if body is None else event | {"body": body}


def load_balancer(body):
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:targetgroup/mle/1"}},
        "httpMethod": "POST",
        "path": "/v1/predict",
        "queryStringParameters": {},
        "headers": {"content-type": "application/json", "host": "mle.example"},
        "body": body,
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("make", [version_1, version_2])
def test_events_of_both_versions_are_answered_as_the_service_answers(handler, bundle, body, make):
    answer = handler(make(body=body), None)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    stored = bundle.example["answer"]["probabilities"]
    assert json.loads(answer["body"])["probabilities"] == pytest.approx(stored, abs=1e-6)
    assert answer["isBase64Encoded"] is False
    json.dumps(answer)  # what Lambda does with it


def test_a_load_balancers_event_is_answered(handler, body):
    assert handler(load_balancer(body))["statusCode"] == 200


def test_headers_of_several_values_are_read_where_there_are_no_others(handler, body):
    several = {name: [value] for name, value in JSON.items()}
    answer = handler(version_1(body=body, headers=None, multiValueHeaders=several))
    assert answer["statusCode"] == 200


def test_a_body_in_base64_is_decoded(handler, body):
    event = version_2(body=base64.b64encode(body.encode()).decode(), isBase64Encoded=True)
    assert handler(event)["statusCode"] == 200
    with pytest.raises(EventError, match="said to be base64 and is not"):
        handler(event | {"body": "%%%"})


@pytest.mark.parametrize("make", [version_1, version_2])
def test_a_missing_body_a_wrong_path_and_a_wrong_method_are_the_services_problems(handler, make):
    assert handler(make())["statusCode"] == 400
    assert handler(make(path="/v1/guess", body="{}"))["statusCode"] == 404
    refused = handler(make(method="DELETE", body="{}"))
    assert refused["statusCode"] == 405
    assert refused["headers"]["content-type"] == "application/problem+json"
    assert handler(make(path="/health/ready", method="GET"))["statusCode"] == 200


def test_the_stage_in_the_path_of_an_http_api_is_no_part_of_ours(handler, body):
    assert handler(version_2(path="/prod/v1/predict", stage="prod", body=body))["statusCode"] == 200


def test_one_environment_answers_many_events_and_survives_a_refused_one(handler, body):
    codes = [
        handler(version_2(body=sent))["statusCode"] for sent in (body, "{", body, '{"rows": [{}]}', body)
    ]
    assert codes == [200, 400, 200, 422, 200]


def test_many_rows_go_through_the_thread_in_every_event(handler, bundle):
    rows = bundle.example["request"]["rows"] * 200
    for _ in range(3):
        answer = handler(version_2(body=json.dumps({"rows": rows})))
        assert len(json.loads(answer["body"])["probabilities"]) == len(rows)


def test_text_beyond_ascii_and_a_length_of_the_gateway_are_read_right(handler, body):
    event = version_2(body=body.replace("monthly", "monatlich für immer"))
    event["headers"]["content-length"] = "3"
    answer = handler(event)
    assert answer["statusCode"] in (200, 422)
    if answer["statusCode"] == 422:
        assert "contract" in answer["body"]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"Records": [{"eventSource": "aws:sqs"}]}, "neither requestContext.http nor httpMethod"),
        ({}, "through API Gateway"),
        ([1], "the event is list, not an object"),
        (None, "the event is NoneType"),
    ],
)
def test_other_events_are_refused_by_name(handler, event, told):
    with pytest.raises(EventError, match=told):
        handler(event)


def test_the_log_is_written_before_the_function_is_frozen(bundle, body):
    written = io.BytesIO()
    handler = lambda_handler(create_app(bundle, drain_seconds=0, log=RequestLog(written)))
    handler(version_2(body=body))
    line = json.loads(written.getvalue())
    assert (line["path"], line["status"], line["bundle"]) == ("/v1/predict", 200, bundle.sha256)


def test_the_committed_handler_loads_its_bundle_while_it_starts(built, body, monkeypatch):
    monkeypatch.setenv("MLE_BUNDLE", str(built))
    path = find_root() / "deploy" / "lambda" / "handler.py"
    spec = importlib.util.spec_from_file_location("lambda_handler_file", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.handler(version_1(body=body), None)["statusCode"] == 200
    assert module.handler(version_2(path="/", method="GET"), None)["body"].startswith("<!doctype html>")
