"""The other yardstick: FastAPI with one route and one worker that answers given bytes. `python -m bench.bare FILE`."""

import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response


def main() -> None:
    content = Path(sys.argv[1]).read_bytes()
    app = FastAPI()

    @app.get("/")
    async def answer() -> Response:
        return Response(content, media_type="application/json")

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", access_log=False, loop="uvloop", http="httptools")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
