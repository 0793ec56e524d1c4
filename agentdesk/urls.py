from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

urlpatterns = [
    path("", include("agentdesk.desk.urls")),
    path("", include("agentdesk.live.urls")),
    path("", include("agentdesk.api.urls")),
    path(
        "accounts/login/",
        auth.LoginView.as_view(template_name="accounts/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
handler400 = "agentdesk.desk.errors.bad_request"
handler403 = "agentdesk.desk.errors.forbidden"
handler404 = "agentdesk.desk.errors.not_found"
handler500 = "agentdesk.desk.errors.crashed"
