"""docs/api/openapi.yaml against a real server: every operation, every status, every parameter and every example.

What is asked is generated from the document (as the server itself gives it); what a schema cannot say (which VM there is)
stands in GOOD. An answer with a status that the document does not name, a body that its schema does not allow, a field
that no schema declares: each fails.
"""
import json
import pathlib
import re
import socket
import unittest
import urllib.parse

from harness import ROOT, Agent, E2e, Server, line_tags, now_ns, wait_until

# Values of parameters by name, that a good request carries.
GOOD = {'ns': 'ns-1', 'group': None, 'id': 'mcis-1', 'vm': 'vm-1', 'ip': '10.0.0.1', 'metric': None, 'periodType': 'm',
        'duration': '5m', 'statisticsCriteria': 'avg', 'seconds': '10', 'service_id': 'mcis-1', 'vm_id': 'vm-1', 'start': '-5m',
        'end': 'now', 'step': '1m', 'sort': '-cpu_idle', 'mcis': 'mcis-1', 'db': 'cbmon', 'precision': 's', 'agent': '0123456789abcdef'}
# Where a name means something else.
GOOD_OF = {
    'get /dragonfly/ns/{ns}/{group}/{id}/vm/{vm}/agent_ip/{ip}/mcis_metric/{metric}/mcis-monitoring-info': {'metric': 'Rtt'},
    'post /dragonfly/ns/{ns}/{group}/{id}/vm/{vm}/agent_ip/{ip}/mcis_metric/{metric}/mcis-monitoring-info': {'metric': 'Rtt'},
    'get /api/v1/query': {'group': 'cpu'},
    'get /api/v1/stream': {'group': 'cpu'},
    'put /dragonfly/config/rollback': {'version': '0'},
    'get /api/v1/collectors/{id}': {'id': '1'},
    'delete /api/v1/collectors/{id}': {'id': '1'},
}
# What a good request takes of those that need not be there.
TAKEN = {'get /api/v1/query': ('group', 'start', 'step'), 'put /dragonfly/config/rollback': ('version',),
         'put /dragonfly/agent/metadata': ('ns', 'service_id', 'vm_id'), 'get /dragonfly/agent/metadata': ('ns', 'service_id', 'vm_id'),
         'delete /dragonfly/agent/metadata': ('ns', 'service_id', 'vm_id'), 'get /api/v1/stream': ('group',)}
# Statuses that only a broken or a flooded server gives, and the tests that bring it so far.
ELSEWHERE = {
    ('put /dragonfly/config', '413'): ('src/fleet/policy/policy_store_test.cc', 'MoreThanTheFileHoldsIsRefused'),
    ('get /health', '503'): ('src/surface/api/api_test.cc', 'EXPECT_EQ(status("/health"), 503)'),
    ('post /write', '503'): ('src/surface/api/write_test.cc', '"503"'),
    ('post /write', '507'): ('tests/e2e/test_disk_full.py', 'assertEqual(answer.status, 507'),
    ('post /write', '413'): ('src/surface/api/write_test.cc', '"413"'),
    ('get /api/v1/query', '413'): ('src/surface/api/native_test.cc', '413 {'),
    ('post /api/v1/frames', '401'): ('src/surface/api/frames_test.cc', 'kUnauthenticated, 401'),
    ('post /api/v1/frames', '503'): ('src/surface/api/frames_test.cc', 'kUnavailable, 503'),
    ('post /api/v1/frames', '507'): ('src/surface/api/frames_test.cc', 'kNoSpace, 507'),
    ('post /api/v1/agents/tokens', '409'): ('src/surface/api/enrolment_test.cc', 'EXPECT_EQ(refused.status, 409)'),
    ('get /api/v1/agents/authority', '200'): ('tests/e2e/test_enrol.py', "request('GET', '/api/v1/agents/authority').body"),
    ('post /api/v1/agents/enroll', '409'): ('src/surface/api/enrolment_test.cc', 'EXPECT_EQ(refused.status, 409)'),
}
TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}


class Document:
    def __init__(self, document):
        self.document = document
        self.operations = {f'{method} {path}': (method.upper(), path, self.resolved(operation))
                           for path, methods in document['paths'].items() for method, operation in methods.items()}

    def resolved(self, node):
        while isinstance(node, dict) and '$ref' in node:
            target = self.document
            for part in node['$ref'].removeprefix('#/').split('/'):
                target = target[part]
            node = target
        return node

    def parameters(self, operation):
        return [self.resolved(parameter) for parameter in operation.get('parameters', [])]

    def is_public(self, operation):
        return operation.get('security') == [{}]

    def problems(self, schema, value, at='body'):
        """What of `value` the schema does not allow, as texts."""
        schema = self.resolved(schema)
        types = schema.get('type')
        if types is not None:
            types = [types] if isinstance(types, str) else types
            if not any(self.has_type(value, name) for name in types):
                return [f'{at}: {value!r} is no {" or ".join(types)}']
        if 'enum' in schema and value not in schema['enum']:
            return [f'{at}: {value!r} is none of {schema["enum"]}']
        for kind in ('oneOf', 'anyOf'):
            if kind in schema and not any(not self.problems(one, value, at) for one in schema[kind]):
                return [f'{at}: {value!r} fits none of {kind}']
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value < schema.get('minimum', value) or value > schema.get('maximum', value):
                return [f'{at}: {value} is out of range']
        if schema.get('format') == 'date-time' and isinstance(value, str):
            if not re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', value):
                return [f'{at}: {value!r} is no time']
        if isinstance(value, list):
            return [text for i, item in enumerate(value) for text in self.problems(schema.get('items', {}), item, f'{at}[{i}]')]
        if isinstance(value, dict) and ('properties' in schema or 'additionalProperties' in schema):
            return self.problems_of_members(schema, value, at)
        return []

    def problems_of_members(self, schema, value, at):
        out = [f'{at}: {name} is missing' for name in schema.get('required', []) if name not in value]
        others = schema.get('additionalProperties', False)
        for name, member in value.items():
            if name in schema.get('properties', {}):
                out += self.problems(schema['properties'][name], member, f'{at}.{name}')
            elif others is False:
                out.append(f'{at}: {name} is not declared')
            elif isinstance(others, dict):
                out += self.problems(others, member, f'{at}.{name}')
        return out

    @staticmethod
    def has_type(value, name):
        if name == 'integer':
            return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
        if name == 'number':
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return isinstance(value, TYPES[name])


class Validator(unittest.TestCase):
    """The validator itself: it must be able to refuse."""

    def test_finds_what_is_wrong(self):
        document = Document({'paths': {}, 'components': {'schemas': {'n': {'type': 'integer', 'minimum': 1}}}})
        schema = {'type': 'object', 'required': ['a'], 'properties': {
            'a': {'$ref': '#/components/schemas/n'}, 'b': {'type': ['string', 'null'], 'format': 'date-time'},
            'c': {'type': 'array', 'items': {'enum': ['x']}}, 'd': {'type': 'object', 'additionalProperties': {'type': 'number'}}}}
        for value, count in (({'a': 1}, 0), ({'a': 0}, 1), ({'a': 1.5}, 1), ({'a': True}, 1), ({}, 1), ([], 1), ({'a': 1, 'z': 1}, 1),
                             ({'a': 1, 'b': None}, 0), ({'a': 1, 'b': '2026-01-01T00:00:00Z'}, 0), ({'a': 1, 'b': 'x'}, 1),
                             ({'a': 1, 'c': ['x', 'y', 3]}, 2), ({'a': 1, 'd': {'k': 1}}, 0), ({'a': 1, 'd': {'k': '1'}}, 1)):
            self.assertEqual(len(document.problems(schema, value)), count, value)


# Questions of earlier releases, whose clients say more than is understood; and lines, as InfluxDB takes them.
TOLERANT = re.compile(r'get (/mon|/dragonfly)/(ns/\{ns\}/\{group\}|mcis)/\{id\}/(vm/|mcis-spec-info)|\w+ .*/mcis-monitoring-info|post /write')


class OpenApi(E2e):
    @classmethod
    def setUpClass(cls):
        cls.holder = E2e()
        cls.holder.setUp()
        packages = pathlib.Path(cls.holder.folder, 'packages')
        packages.mkdir()
        for name in ('cb-agent-install.sh', 'cb-agent.conf', 'cb-installer.exe'):
            (packages / name).write_text('a file')
        cls.server = Server(cls.holder, args=['--set', f'server.package_dir={packages}'])
        now = now_ns() - 20 * 10**9
        cls.server.write('\n'.join(
            f'cpu,{line_tags(ns=ns, vm=vm)},cspType=aws,region=r-1 cpu_idle=5,cpu_user={i} {now + i * 10**9}'
            for ns, vm in (('ns-1', 'vm-1'), ('ns-1', 'vm-2'), ('ns-2', 'vm-2')) for i in range(5)))
        cls.server.write('\n'.join(f'{group},{line_tags(mcis="mcis-1")} {field}=5 {now}' for group, field in
                                   (('mem', 'used_percent'), ('disk', 'used_percent'), ('net', 'bytes_recv'), ('cpufreq', 'cur_freq'))))
        # One whose name is in one namespace only, for paths without one.
        cls.server.write(f'cpu,{line_tags(mcis="alone", vm="alone")} cpu_idle=5 {now}')
        # One with an agent, which is asked on demand.
        Agent(cls.holder, cls.server, cls.server.key(cls.holder, vm='vm-9'))
        wait_until(lambda: ('ns-1', 'mcis-1', 'vm-9') in cls.server.raw_rows('cpu'), what='rows of the agent')
        cls.document = Document(cls.server.get_json('/api/openapi.json'))
        cls.seen = {}  # (operation, status): how often.

    @classmethod
    def tearDownClass(cls):
        cls.holder.doCleanups()

    # What is asked

    def value_of(self, name, parameter):
        if (good := GOOD_OF.get(name, {}).get(parameter['name'])) is not None:
            return good
        schema = self.document.resolved(parameter.get('schema', {}))
        if 'enum' in schema:
            return str(schema['enum'][0])
        if parameter['name'] in GOOD and GOOD[parameter['name']] is not None:
            return GOOD[parameter['name']]
        return {'integer': '1', 'boolean': 'true'}.get(schema.get('type'), 'x')

    def good_values(self, name):
        """{parameter: value} of a good request: those that must be there, and those of TAKEN."""
        _, path, operation = self.document.operations[name]
        out = {}
        for parameter in self.document.parameters(operation):
            if parameter['in'] == 'path' or parameter.get('required') or parameter['name'] in TAKEN.get(name, ()):
                out[parameter['name']] = self.value_of(name, parameter)
        if '{id}/vm/{vm}' in path and '/ns/' not in path:
            out.update(id='alone', vm='alone')
        elif '{id}' in path and '/ns/' not in path and 'collectors' not in path:
            out.update(id='alone')
        return out

    def body_of(self, operation):
        body = self.document.resolved(operation.get('requestBody', {}))
        for kind, content in body.get('content', {}).items():
            if 'example' in content:
                example = content['example']
                return kind, example if isinstance(example, str) else json.dumps(example)
        return None, None

    def ask(self, name, values, query=None, body=None, headers=None, server=None, expected_problem=False):
        """Asks and checks the answer against what the document says of its status."""
        method, path, operation = self.document.operations[name]
        in_path = set(re.findall(r'\{(\w+)\}', path))
        target = re.sub(r'\{(\w+)\}', lambda match: urllib.parse.quote(values[match[1]], safe=''), path)
        in_query = {key: value for key, value in values.items() if key not in in_path} | (query or {})
        if in_query:
            target += '?' + urllib.parse.urlencode(in_query)
        kind, example = self.body_of(operation)
        headers = dict(headers or {})
        if body is None and example is not None:
            body = example
            headers.setdefault('Content-Type', kind)
        if operation['responses'].get('200') and 'text/event-stream' in self.document.resolved(operation['responses']['200']).get('content', {}):
            answer = self.first_of_stream(target, server or self.server)
        else:
            answer = (server or self.server).request(method, target, body.encode() if isinstance(body, str) else body, headers)
        self.check(name, answer, target)
        return answer

    # Watching has no end: its first bytes are enough.
    def first_of_stream(self, target, server):
        host, _, port = server.http.rpartition(':')
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(f'GET {target} HTTP/1.1\r\nHost: {server.http}\r\n\r\n'.encode())
            data = b''
            while b'\r\n\r\n' not in data:
                data += connection.recv(65536)
            head, _, rest = data.partition(b'\r\n\r\n')
            status = int(head.split()[1])
            headers = dict(line.split(': ', 1) for line in head.decode().split('\r\n')[1:])
            length = int(headers.get('Content-Length', 0))
            while status != 200 and len(rest) < length:
                rest += connection.recv(65536)
            return type('Answer', (), {'status': status, 'headers': headers, 'body': rest, 'text': rest.decode(),
                                       'json': property(lambda self: json.loads(self.body))})()

    def check(self, name, answer, target):
        status = str(answer.status)
        responses = self.document.operations[name][2]['responses']
        self.seen[name, status] = self.seen.get((name, status), 0) + 1
        if status in ('401', '403', '429') and status not in responses:
            return self.check_error(answer, target)  # Of every operation: the document's head says so.
        self.assertIn(status, responses, f'{name}: {target} answers {answer.status}, which the document does not name: {answer.body[:200]}')
        content = self.document.resolved(responses[status]).get('content')
        kind = answer.headers.get('Content-Type', '').split(';')[0]
        if answer.status >= 400 and (content is None or kind == 'application/json' and 'application/json' not in content):
            return self.check_error(answer, target)
        if content is None:
            return self.assertTrue(answer.status != 200 or kind != 'application/json' or 'openapi' in target,
                                   f'{name} {status}: an answer in JSON without a schema')
        self.assertIn(kind, content, f'{name} {status}: {target}')
        if kind == 'application/json':
            schema = content[kind].get('schema')
            self.assertIsNotNone(schema, f'{name} {status} has no schema')
            self.assertEqual(self.document.problems(schema, answer.json), [], f'{name} {status}: {target}: {answer.text[:400]}')

    def check_error(self, answer, target):
        self.assertEqual(list(answer.json), ['message'], target)
        self.assertTrue(answer.json['message'], target)

    # The tests

    def test_every_operation_answers_a_good_request(self):
        for name, (method, path, operation) in self.document.operations.items():
            with self.subTest(name):
                answer = self.ask(name, self.good_values(name))
                good = [status for status in operation['responses'] if status < '300'] or ['501']
                if name == 'post /api/v1/session':
                    good = ['401']  # The example's token is nobody's; test_where_tokens_are_needed logs in.
                if name == 'post /api/v1/agents/enroll':
                    good = ['401']  # No token; test_what_is_made has one.
                if path.endswith('ondemand-monitoring-info'):
                    good = ['504']  # The VM has no agent;
                    self.assertEqual(self.ask(name, self.good_values(name) | {'vm': 'vm-9', 'metric': 'all'}).status, 200)
                if name == 'get /api/v1/agents/authority':
                    good.append('404')  # This server speaks in clear.
                if name in ('delete /api/v1/tokens/{token}', 'get /api/v1/collectors/{id}', 'delete /api/v1/collectors/{id}',
                            'delete /api/v1/agents/tokens/{token}', 'post /api/v1/agents/{change}'):
                    good.append('404')  # There is none yet; test_what_is_made makes one.
                self.assertIn(str(answer.status), good, answer)
                if '304' in operation['responses']:
                    again = self.ask(name, self.good_values(name), headers={'If-None-Match': answer.headers['ETag']})
                    self.assertIn(again.status, (200, 304))

    def test_every_value_of_every_parameter(self):
        for name, (_, _, operation) in self.document.operations.items():
            for parameter in self.document.parameters(operation):
                schema = self.document.resolved(parameter.get('schema', {}))
                values = [str(value) for value in schema.get('enum', [])]
                values += [str(schema[bound]) for bound in ('minimum', 'maximum') if bound in schema]
                for value in values:
                    with self.subTest(name, parameter=parameter['name'], value=value):
                        beside = {'osType': 'windows'} if value == 'zip' else {}
                        answer = self.ask(name, self.good_values(name) | beside | {parameter['name']: value})
                        self.assertNotEqual(answer.status, 400, f'{value}: {answer!r}')

    def test_wrong_values_are_refused_by_name(self):
        for name, (_, _, operation) in self.document.operations.items():
            for parameter in self.document.parameters(operation):
                schema = self.document.resolved(parameter.get('schema', {}))
                wrong = []
                if parameter['in'] == 'path' and 'collectors' in name:
                    wrong.append('x')
                if 'enum' in schema:
                    wrong.append('wrong-value')
                if schema.get('type') == 'integer':
                    wrong += ['x', '1.5', '-1']
                    wrong += [str(schema['maximum'] + 1)] if 'maximum' in schema else []
                for value in wrong:
                    with self.subTest(name, parameter=parameter['name'], value=value):
                        answer = self.ask_wrong(name, self.good_values(name) | {parameter['name']: value})
                        if parameter['in'] == 'query':
                            self.assertEqual(answer.status, 400, answer)
                            self.assertIn(parameter['name'], answer.json['message'])
                        else:
                            self.assertIn(answer.status, (400, 404), answer)

    def ask_wrong(self, name, values):
        """A word of a path that is not one of the document's is a path that is not there: 404, whatever it names."""
        method, path, _ = self.document.operations[name]
        try:
            return self.ask(name, values)
        except AssertionError:
            target = re.sub(r'\{(\w+)\}', lambda match: urllib.parse.quote(values[match[1]], safe=''), path)
            answer = self.server.request(method, target)
            if answer.status == 404 and 'path' in answer.json['message']:
                return answer
            raise

    def test_unknown_parameters_are_refused(self):
        for name, (_, _, operation) in self.document.operations.items():
            if '400' not in operation['responses'] or name == 'post /api/v1/agents/enroll':  # Where a token comes first.
                continue
            with self.subTest(name):
                answer = self.ask(name, self.good_values(name), query={'nonsense': '1'})
                if TOLERANT.match(name):
                    self.assertNotEqual(answer.status, 400)
                    continue
                self.assertIn(str(answer.status), ('400', '404') if '404' in operation['responses'] else ('400',), answer)

    def test_pull_is_not_there_yet(self):
        name = 'put /dragonfly/agent/metadata'
        answer = self.ask(name, self.good_values(name), body=json.dumps({'agent_type': 'pull'}))
        self.assertEqual(answer.status, 501, answer)

    def test_names_that_are_none(self):
        for name, (_, path, operation) in self.document.operations.items():
            if '400' not in operation['responses'] or '{id}' not in path or 'collectors' in path:
                continue
            with self.subTest(name):
                answer = self.ask(name, self.good_values(name) | {'id': 'x' * 257})
                self.assertEqual(answer.status, 400, answer)
                self.assertIn('mcis', answer.json['message'])

    def test_required_parameters_are_required(self):
        for name, (_, _, operation) in self.document.operations.items():
            for parameter in self.document.parameters(operation):
                if parameter['in'] != 'query' or not parameter.get('required'):
                    continue
                with self.subTest(name, parameter=parameter['name']):
                    values = self.good_values(name)
                    values.pop(parameter['name'])
                    answer = self.ask(name, values)
                    self.assertEqual(answer.status, 400)
                    self.assertIn(parameter['name'], answer.json['message'])

    def test_what_is_not_there(self):
        for name, (_, path, operation) in self.document.operations.items():
            if '404' not in operation['responses'] or path.endswith('/cbinstaller'):  # It is there; not at the guarded server.
                continue
            with self.subTest(name):
                values = self.good_values(name)
                for key, other in (('vm', 'nobody'), ('id', '999999999' if 'collectors' in path else 'nobody'), ('vm_id', 'nobody'),
                                   ('token', 'nobody'), ('version', '999'), ('file', 'pkg')):
                    if key in values:
                        values[key] = other
                        break
                self.assertEqual(self.ask(name, values).status, 404)

    def test_what_is_in_several_namespaces(self):
        for name, (_, path, operation) in self.document.operations.items():
            if '409' not in operation['responses'] or '{id}' not in path:
                continue
            with self.subTest(name):
                answer = self.ask(name, self.good_values(name) | {'id': 'mcis-1', **({'vm': 'vm-2'} if '{vm}' in path else {})})
                if '/ns/' in path:
                    self.fail('with a namespace nothing is in several: the document names a status that cannot come')
                self.assertEqual(answer.status, 409)
                self.assertIn('ns-2', answer.json['message'])

    def test_what_is_made(self):
        ids = []
        for name in ('a', 'b'):
            made = self.ask('post /api/v1/tokens', {}, body=json.dumps({'name': name, 'role': 'admin'}), headers={'Content-Type': 'application/json'})
            self.assertEqual(made.status, 201)
            ids.append(made.json['id'])
        self.assertIn('b', [token['name'] for token in self.ask('get /api/v1/tokens', {}).json['tokens']])
        self.assertEqual([self.ask('delete /api/v1/tokens/{token}', {'token': id}).status for id in ids], [204, 409])
        agent = self.ask('get /api/v1/agents', {'vm': 'vm-9'}).json['agents'][0]['agent_id']
        self.assertEqual(self.ask('post /api/v1/agents/{change}', {'change': 'rotate', 'agent': agent}).status, 200)
        self.assertEqual(self.ask('post /api/v1/agents/{change}', {'change': 'rotate', 'agent': 'x'}).status, 400)
        spare = self.server.key(self.holder, vm='spare')
        spare = spare.read_text().split('\t')[1]
        self.assertEqual([self.ask('post /api/v1/agents/{change}', {'change': 'revoke', 'agent': spare}).status for _ in range(2)],
                         [200, 409])
        self.assertEqual(self.ask('post /api/v1/frames', {}, body=b'x').status, 400)
        self.assertEqual(self.ask('post /api/v1/frames', {}, body=b'x' * 100_000).status, 413)
        made = self.ask('post /api/v1/agents/tokens', {}).json
        as_machine = {'Authorization': f'Bearer {made["token"]}', 'Content-Type': 'application/json'}
        self.assertEqual(self.ask('post /api/v1/agents/enroll', {}, headers=as_machine).status, 201)
        self.assertEqual(self.ask('post /api/v1/agents/enroll', {}, body='{}', headers=as_machine).status, 400)
        self.assertEqual(self.ask('delete /api/v1/agents/tokens/{token}', {'token': made['id']}).status, 204)
        wait_until(lambda: self.ask('post /api/v1/agents/enroll', {}, headers=as_machine).status == 429,
                   what='wrong tokens are no longer looked at', step_s=0)
        started = self.ask('post /api/v1/collectors', {}).json
        self.assertEqual(self.ask('get /api/v1/collectors/{id}', {'id': str(started['id']), 'detail': 'true'}).status, 200)
        self.assertEqual(self.ask('delete /api/v1/collectors/{id}', {'id': str(started['id'])}).status, 200)
        self.assertEqual(self.ask('post /api/v1/backup', {'name': 'walk'}).status, 202)
        self.assertEqual(self.ask('post /api/v1/backup', {'name': 'walk'}).status, 409)
        changed = self.ask('put /dragonfly/config', {}, body='{"max_host_count": 11}', headers={'Content-Type': 'application/json'})
        self.assertEqual(changed.json['max_host_count'], 11)
        self.assertTrue(self.ask('get /dragonfly/config/history', {}).json['history'])
        self.assertTrue(self.ask('get /api/v1/audit', {}).json['entries'])

    def test_examples_fit_their_schemas(self):
        count = 0
        for name, (_, _, operation) in self.document.operations.items():
            bodies = [self.document.resolved(response) for response in operation['responses'].values()]
            for body in [*bodies, self.document.resolved(operation.get('requestBody', {}))]:
                for kind, content in body.get('content', {}).items():
                    if 'example' not in content or kind != 'application/json':
                        continue
                    count += 1
                    self.assertEqual(self.document.problems(content.get('schema', {}), content['example']), [], name)
        self.assertGreater(count, 8)

    def test_examples_of_requests_are_good(self):
        for name, (_, _, operation) in self.document.operations.items():
            if 'requestBody' not in operation:
                continue
            kind, example = self.body_of(operation)
            with self.subTest(name):
                self.assertIsNotNone(example, 'a body without an example')
                answer = self.ask(name, self.good_values(name))
                self.assertNotIn(answer.status, (400, 415), answer)

    def test_where_tokens_are_needed(self):
        guarded = Server(self, args=['--set', 'api.access=on'])
        token = guarded.wait_line(r'(cbd_\S+)')[1]
        for name, (_, _, operation) in self.document.operations.items():
            with self.subTest(name):
                answer = self.ask(name, self.good_values(name), server=guarded)
                is_login = name == 'post /api/v1/session'
                self.assertEqual(answer.status == 401, not self.document.is_public(operation) or is_login, answer)
        body = json.dumps({'token': 'cbd_wrong'})
        wait_until(lambda: self.ask('post /api/v1/session', {}, body=body, headers={'Content-Type': 'application/json'},
                                    server=guarded).status == 429, what='wrong tokens are no longer looked at')
        guarded.token = token
        # An address whose tokens were wrong waits for a moment, also with a good one.
        wait_until(lambda: self.ask('get /api/v1/tokens', {}, server=guarded).status == 200, what='a good token is looked at')
        body = json.dumps({'token': token})
        wait_until(lambda: self.ask('post /api/v1/session', {}, body=body, headers={'Content-Type': 'application/json'},
                                    server=guarded).status == 204, what='a good login')
        viewer = self.ask('post /api/v1/tokens', {}, body=json.dumps({'name': 'v', 'role': 'viewer'}),
                          headers={'Content-Type': 'application/json'}, server=guarded).json['token']
        guarded.token = viewer
        refused = set()
        for name, (method, _, operation) in self.document.operations.items():
            if name == 'post /api/v1/session':  # The example's token is a wrong one more.
                continue
            with self.subTest(name):
                answer = self.ask(name, self.good_values(name), server=guarded)
                if answer.status == 403:
                    refused.add(name)
                self.assertTrue(answer.status == 403 or method == 'GET' or self.document.is_public(operation)
                                or name == 'post /api/v1/agents/enroll' and answer.status == 401
                                or name.endswith('mcis-monitoring-info'), f'a viewer may change something: {answer!r}')
        self.assertIn('get /api/v1/audit', refused)
        self.assertIn('put /dragonfly/config', refused)

    def test_what_is_too_much(self):
        self.write_a_crowd()
        for name in self.document.operations:
            if name.endswith('{id}/info'):
                values = {'ns': 'ns-1', 'group': 'mcis', 'id': 'crowd', 'metric': 'cpu', 'periodType': 'm', 'duration': '20h'}
                values = values if '{ns}' in name else {key: value for key, value in values.items() if key not in ('ns', 'group')}
                self.assertEqual(self.ask(name, values).status, 413)
        headers = {'Content-Type': 'application/x-ndjson'}
        self.assertEqual(self.ask('post /write', {'db': 'cbmon'}, body=b'{}', headers=headers).status, 415)
        watchers = []
        host, _, port = self.server.http.rpartition(':')
        for _ in range(256):
            connection = socket.create_connection((host, int(port)))
            self.addCleanup(connection.close)
            connection.sendall(f'GET /api/v1/stream HTTP/1.1\r\nHost: {self.server.http}\r\n\r\n'.encode())
            connection.recv(1)
            watchers.append(connection)
        self.assertEqual(self.ask('get /api/v1/stream', {}).status, 503)
        while self.ask('post /api/v1/collectors', {}).status == 200:
            self.assertLess(self.seen['post /api/v1/collectors', '200'], 1100)

    def write_a_crowd(self):
        """More values of VMs, buckets and metrics than one answer takes: 100 x 1120 x 19."""
        fields = ','.join(f'{metric["name"]}=1' for metric in self.server.get_json('/api/v1/metrics')['metrics']
                          if metric['group'] == 'cpu')
        now = now_ns() // 10**9
        for vm in range(0, 100, 10):
            self.server.write('\n'.join(f'cpu,{line_tags(mcis="crowd", vm=f"c-{vm + i}")} {fields} {now - minute * 60}'
                                        for i in range(10) for minute in range(1120)), precision='s')

    def test_zz_every_status_was_seen(self):
        """Runs last: what the others saw, and what tests elsewhere bring about."""
        for (name, status), (path, words) in ELSEWHERE.items():
            self.assertIn(name, self.document.operations)
            self.assertIn(words, pathlib.Path(ROOT, path).read_text(), f'{path} no longer brings about {status}')
        missing = [f'{name} {status}' for name, (_, _, operation) in self.document.operations.items()
                   for status in operation['responses'] if (name, status) not in self.seen and (name, status) not in ELSEWHERE]
        self.assertEqual(missing, [])


if __name__ == '__main__':
    unittest.main()
