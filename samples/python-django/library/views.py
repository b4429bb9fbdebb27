from django.db.models import Count
from django.shortcuts import get_object_or_404, render

from .models import Author, Book


def index(request):
    books = Book.objects.select_related('author')
    return render(request, 'library/index.html', {'books': books})


def author(request, author_id):
    found = get_object_or_404(Author.objects.annotate(count=Count('books')), pk=author_id)
    return render(request, 'library/author.html', {'author': found})
