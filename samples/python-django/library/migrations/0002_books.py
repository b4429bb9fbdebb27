from django.db import migrations

BOOKS = [
    ('Jane Austen', 'Pride and Prejudice', 1813),
    ('Mary Shelley', 'Frankenstein', 1818),
    ('Charlotte Brontë', 'Jane Eyre', 1847),
    ('George Eliot', 'Middlemarch', 1871),
    ('George Eliot', 'Silas Marner', 1861),
]


def add_books(apps, schema_editor):
    Author, Book = apps.get_model('library', 'Author'), apps.get_model('library', 'Book')
    for name, title, year in BOOKS:
        author, _ = Author.objects.get_or_create(name=name)
        Book.objects.create(title=title, author=author, year=year)


class Migration(migrations.Migration):
    dependencies = [('library', '0001_initial')]
    operations = [migrations.RunPython(add_books, migrations.RunPython.noop)]
