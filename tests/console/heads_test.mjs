// How two heads are compared: which lines were changed, removed and added, and by which rule.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {compareHeads} from '../../src/console/web/compare_heads.js';

const short = (received, sent) => compareHeads(received, sent).map(each => [each.kind, each.received, each.sent, each.rule[1]]);

for (const [title, received, sent, expected] of [
  ['equal heads', ['GET / HTTP/1.1', 'Host: a'], ['GET / HTTP/1.1', 'Host: a'],
   [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['same', 'Host: a', 'Host: a', '']]],
  ['absolute-form becomes origin-form', ['GET http://a/b HTTP/1.1'], ['GET /b HTTP/1.1'], [['changed', 'GET http://a/b HTTP/1.1', 'GET /b HTTP/1.1', 'RFC 9112 3.2.1']]],
  ['origin-form becomes absolute-form', ['GET /b HTTP/1.1'], ['GET http://a/b HTTP/1.1'], [['changed', 'GET /b HTTP/1.1', 'GET http://a/b HTTP/1.1', 'RFC 9112 3.2.2']]],
  ['a status line of another version', ['HTTP/1.0 200 OK'], ['HTTP/1.1 200 OK'], [['changed', 'HTTP/1.0 200 OK', 'HTTP/1.1 200 OK', 'RFC 9112 2.3']]],
  ['a field of the connection', ['GET / HTTP/1.1', 'Proxy-Connection: close'], ['GET / HTTP/1.1'],
   [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['removed', 'Proxy-Connection: close', null, 'RFC 9110 7.6.1']]],
  ['a field that Connection names', ['GET / HTTP/1.1', 'Connection: close, X-Mine', 'X-Mine: 1'], ['GET / HTTP/1.1'],
   [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['removed', 'Connection: close, X-Mine', null, 'RFC 9110 7.6.1'], ['removed', 'X-Mine: 1', null, 'RFC 9110 7.6.1']]],
  ['an added field', ['GET / HTTP/1.1'], ['GET / HTTP/1.1', 'Via: 1.1 proxy'], [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['added', null, 'Via: 1.1 proxy', 'RFC 9110 7.6.3']]],
  ['a changed value, in any case of the name', ['GET / HTTP/1.1', 'via: 1.0 a'], ['GET / HTTP/1.1', 'Via: 1.0 a, 1.1 proxy'],
   [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['changed', 'via: 1.0 a', 'Via: 1.0 a, 1.1 proxy', 'RFC 9110 7.6.3']]],
  ['fields of the same name, in their order', ['GET / HTTP/1.1', 'Cookie: (not shown, 1 byte)', 'Cookie: (not shown, 2 bytes)'], ['GET / HTTP/1.1', 'Cookie: (not shown, 2 bytes)', 'Cookie: (not shown, 1 byte)'],
   [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['same', 'Cookie: (not shown, 1 byte)', 'Cookie: (not shown, 1 byte)', ''], ['same', 'Cookie: (not shown, 2 bytes)', 'Cookie: (not shown, 2 bytes)', '']]],
  ['a line without a colon', ['GET / HTTP/1.1', 'nonsense'], ['GET / HTTP/1.1'], [['same', 'GET / HTTP/1.1', 'GET / HTTP/1.1', ''], ['removed', 'nonsense', null, '']]],
])
  test(title, () => assert.deepEqual(short(received, sent), expected));
