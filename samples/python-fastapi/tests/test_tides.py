from fastapi.testclient import TestClient

from app.main import app


def test_tide_of_a_known_harbour():
    answer = TestClient(app).get("/tides/bristol")
    assert answer.json() == {"harbour": "bristol", "metres": 12.4}


def test_unknown_harbour():
    assert TestClient(app).get("/tides/atlantis").status_code == 404
