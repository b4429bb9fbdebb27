import platform

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI(title="Harbour")


class Tide(BaseModel):
    harbour: str
    metres: float


TIDES = {"hamburg": 3.8, "bristol": 12.4, "saint-malo": 12.0}


@app.get("/")
def index() -> dict[str, str]:
    return {"framework": "FastAPI", "python": platform.python_version()}


@app.get("/tides/{harbour}")
def tide(harbour: str) -> Tide:
    if harbour not in TIDES:
        raise HTTPException(404, f"no tides of {harbour}")
    return Tide(harbour=harbour, metres=TIDES[harbour])
