import platform

from flask import Flask, abort, render_template

app = Flask(__name__)

TEAS = {"sencha": 75, "assam": 95, "rooibos": 100}


@app.get("/")
def index():
    return render_template("index.html", teas=TEAS, python=platform.python_version())


@app.get("/teas/<name>")
def tea(name):
    if name not in TEAS:
        abort(404)
    return {"name": name, "celsius": TEAS[name]}
