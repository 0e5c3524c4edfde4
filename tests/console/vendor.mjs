// The page's libraries, as npm has them but for the names of source maps: src/console/web/vendor/integrity.json says which.
//
//   node tests/console/vendor.mjs    writes them again ("make vendor")
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

export const kVendor = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'console', 'web', 'vendor');
export const kPackages = JSON.parse(readFileSync(join(kVendor, 'integrity.json'), 'utf8'));

// Without its last line if that names a source map, which the board does not serve: a debugger would ask for it.
export function withoutSourceMap(content) {
  return Buffer.from(content.toString('utf8').replace(/\n\/\/# sourceMappingURL=[^\n]*\n?$/, '\n'));
}

// Returns the files of the package by the name that they have in kVendor. Throws an Error if npm does not have it, or has
// another content than integrity.json says.
export function fetchPackage(name) {
  const {version, integrity, files} = kPackages[name], folder = mkdtempSync(join(tmpdir(), 'vendor-'));
  try {
    const [{filename}] = JSON.parse(execFileSync('npm', ['pack', `${name}@${version}`, '--json', '--silent'], {cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60000}));
    const archive = readFileSync(join(folder, filename)), found = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    if (found !== integrity) throw new Error(`${name}@${version} has the integrity ${found}, expected ${integrity}`);
    execFileSync('tar', ['-xzf', filename], {cwd: folder});
    return Object.fromEntries(Object.entries(files).map(([path, own]) => [own, withoutSourceMap(readFileSync(join(folder, 'package', path)))]));
  } finally {
    rmSync(folder, {recursive: true});
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const name in kPackages)
    for (const [file, content] of Object.entries(fetchPackage(name))) writeFileSync(join(kVendor, file), content);
