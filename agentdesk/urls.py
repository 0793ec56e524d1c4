from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("agentdesk.live.urls")),
    path("admin/", admin.site.urls),
]
