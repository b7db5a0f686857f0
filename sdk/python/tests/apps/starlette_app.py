"""A Starlette application with a lifespan, middleware and a mounted part."""

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

started = []


async def state(request):
    return JSONResponse({"started": started, "url": str(request.url), "client": request.client})


async def size(request):
    return PlainTextResponse(str(len(await request.body())))


async def background(request):
    task = BackgroundTask(print, '{"event": "background"}', flush=True)
    return PlainTextResponse("x" * 5000, background=task)


app = Starlette(
    routes=[
        Route("/state", state),
        Mount("/sub", routes=[Route("/size", size, methods=["POST"])]),
        Route("/background", background),
    ],
    middleware=[Middleware(GZipMiddleware, minimum_size=100)],
    on_startup=[lambda: started.append("yes")],
)
