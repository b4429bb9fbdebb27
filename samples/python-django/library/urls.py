from django.urls import path

from . import views

urlpatterns = [
    path('', views.index, name='index'),
    path('authors/<int:author_id>/', views.author, name='author'),
]
