"""A FastAPI application that knows nothing of upload-response. It runs as a worker, unchanged:

python3 -m upload_response.asgi fastapi_app:app --mount /upload
"""

import hashlib

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/items/{number}")
async def item(number: int, name: str = "nobody"):
    return {"number": number, "name": name}


@app.put("/digest")
async def digest(request: Request):
    """The upload is hashed while it arrives."""
    sha256, size = hashlib.sha256(), 0
    async for piece in request.stream():
        sha256.update(piece)
        size += len(piece)
    if size == 0:
        raise HTTPException(422, "send something")
    return {"sha256": sha256.hexdigest(), "size": size}


@app.put("/lines")
async def lines(request: Request):
    """The answer streams: a line for each line of the upload."""
    text = (await request.body()).decode()

    async def pieces():
        for line in text.splitlines():
            yield f"{len(line)}\n"

    return StreamingResponse(pieces(), media_type="text/plain")
