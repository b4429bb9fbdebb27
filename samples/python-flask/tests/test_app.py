from app import app


def test_index_lists_the_teas():
    answer = app.test_client().get("/")
    assert answer.status_code == 200
    assert b"sencha" in answer.data


def test_unknown_tea_is_not_found():
    assert app.test_client().get("/teas/coffee").status_code == 404
