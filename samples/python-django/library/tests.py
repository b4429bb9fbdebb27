from django.test import TestCase, override_settings

from .models import Author


# Tests need no collected files.
@override_settings(STORAGES={'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'}})
class ShelfTest(TestCase):
    def test_index_lists_the_books_that_the_migration_brought(self):
        answer = self.client.get('/')
        self.assertContains(answer, 'Middlemarch')

    def test_author_has_a_page(self):
        author = Author.objects.get(name='Mary Shelley')
        self.assertContains(self.client.get(f'/authors/{author.pk}/'), 'Frankenstein')

    def test_unknown_author(self):
        self.assertEqual(self.client.get('/authors/999/').status_code, 404)
