import unittest

from shortlinks.store import Store


class StoreTest(unittest.TestCase):
    def test_a_code_leads_to_its_address(self):
        store = Store()
        code = store.add("https://example.org/a")
        self.assertEqual(store.find(code), "https://example.org/a")

    def test_every_address_has_a_code_of_its_own(self):
        store = Store()
        codes = {store.add("https://example.org/a") for _ in range(100)}
        self.assertEqual(len(codes), 100)

    def test_an_unknown_code_leads_nowhere(self):
        self.assertIsNone(Store().find("zz"))

    def test_what_is_no_web_address_is_refused(self):
        for url in ("javascript:alert(1)", "", None, 7):
            with self.subTest(url=url), self.assertRaises(ValueError):
                Store().add(url)
