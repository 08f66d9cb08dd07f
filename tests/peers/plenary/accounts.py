"""Accounts: sign up, log in, delete. Each form has a CSRF token; 302 is success, 200 shows what was wrong."""

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string

import journal


class SignupForm(UserCreationForm):
    """username, email (may be empty), password1, password2."""

    class Meta:
        model = User
        fields = ["username", "email"]


class LoginForm(forms.Form):
    """login, password."""

    login = forms.CharField()
    password = forms.CharField(widget=forms.PasswordInput)


def signup(request):
    """Make an account and log it in; a name that is taken is shown as an error of the form."""
    form = SignupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = form.save()
        except IntegrityError:  # taken between the check and the insert
            form.add_error("username", "A user with that username already exists.")
        else:
            login(request, user)
            journal.write("signup", user=user.username)
            return HttpResponseRedirect("/")
    return page(request, "Sign up", form)


def log_in(request):
    """Log in to an account that is there."""
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        user = authenticate(username=typed["login"], password=typed["password"])
        if user is not None:
            login(request, user)
            journal.write("login", user=user.username)
            return HttpResponseRedirect(request.GET.get("next", "/"))
        form.add_error(None, "The username and/or password you specified are not correct.")
    return page(request, "Log in", form)


@login_required
def delete(request):
    """Delete one's own account, and log out."""
    if request.method != "POST":
        return page(request, "Delete account", forms.Form())
    user = request.user
    logout(request)
    journal.write("delete", user=user.username)
    user.delete()
    return HttpResponseRedirect("/")


def page(request, title, form):
    """The form in HTML, with the quotes that the setting, or `?quotes=` in the URL, asks for."""
    html = render_to_string("form.html", {"title": title, "form": form}, request)
    if request.GET.get("quotes", settings.PLENARY_QUOTES) == "single":
        html = html.replace('"', "'")
    return HttpResponse(html)
