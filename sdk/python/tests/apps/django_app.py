"""A Django application of one file."""

import hashlib
import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    SECRET_KEY=os.urandom(16).hex(),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
)
django.setup()


def digest(request):
    body = request.read()
    return JsonResponse({"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)})


def where(request):
    return HttpResponse(request.build_absolute_uri())


urlpatterns = [path("digest", digest), path("where", where)]
application = get_asgi_application()
