// The page's libraries are what npm has without source maps, and each comes with its licence.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {test} from 'node:test';
import {fetchPackage, kPackages, kVendor, withoutSourceMap} from './vendor.mjs';

test('each file is listed, and each package has its licence', () => {
  const listed = Object.values(kPackages).flatMap(each => Object.values(each.files));
  assert.deepEqual(readdirSync(kVendor).sort(), [...listed, 'integrity.json'].sort());
  for (const [name, {files}] of Object.entries(kPackages)) assert.ok(Object.keys(files).includes('LICENSE'), name);
});

test('no file names a source map, which the board does not have', () => {
  for (const file of readdirSync(kVendor)) assert.doesNotMatch(readFileSync(join(kVendor, file), 'utf8'), /sourceMappingURL/, file);
  const cut = text => withoutSourceMap(Buffer.from(text)).toString();
  assert.equal(cut('a();\n//# sourceMappingURL=a.js.map\n'), 'a();\n');
  assert.equal(cut('a();\n//# sourceMappingURL=a.js.map'), 'a();\n');
  assert.equal(cut('a("\\n//# sourceMappingURL=x");\nb();\n'), 'a("\\n//# sourceMappingURL=x");\nb();\n');
});

for (const name of Object.keys(kPackages))
  test(`${name} is as in the registry`, context => {
    let files;
    try {
      files = fetchPackage(name);
    } catch (error) {
      if (/integrity/.test(error.message)) throw error;
      return context.skip(`npm is out of reach: ${error.message.split('\n')[0]}`);
    }
    for (const [file, content] of Object.entries(files)) assert.ok(content.equals(readFileSync(join(kVendor, file))), file);
  });
