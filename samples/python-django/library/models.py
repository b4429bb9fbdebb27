from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)

    def __str__(self):
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=200)
    author = models.ForeignKey(Author, on_delete=models.PROTECT, related_name='books')
    year = models.IntegerField()

    class Meta:
        ordering = ['year']

    def __str__(self):
        return f'{self.title} ({self.year})'
