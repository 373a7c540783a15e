import http.client
import json
import threading
import unittest

from shortlinks.server import serve
from shortlinks.store import Store


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.server = serve(Store())
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.server.server_address)
        self.addCleanup(connection.close)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.read()

    def test_a_new_link_leads_to_its_address(self):
        status, _, body = self.ask("POST", "/links", {"url": "https://example.org/a"})
        self.assertEqual(status, 201)
        status, location, _ = self.ask("GET", "/links/" + json.loads(body)["code"])
        self.assertEqual((status, location), (302, "https://example.org/a"))

    def test_an_unknown_link_is_not_found(self):
        self.assertEqual(self.ask("GET", "/links/zz")[0], 404)

    def test_a_bad_request_is_told_why(self):
        for body in ({"url": "ftp://example.org"}, {}, [1]):
            with self.subTest(body=body):
                status, _, text = self.ask("POST", "/links", body)
                self.assertEqual(status, 400)
                self.assertIn("error", json.loads(text))
