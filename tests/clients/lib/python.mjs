import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const folders = fileURLToPath(new URL('../.venv/', import.meta.url));
const limit = { timeout: 300_000 };

/** Returns the Python of a virtual environment with these requirements; rebuilds it when the file has changed. */
export async function pythonWith(name, requirements) {
  const folder = join(folders, name);
  const python = join(folder, 'bin/python');
  const stamp = join(folder, 'requirements.txt');
  const wanted = await readFile(requirements, 'utf8');
  if ((await readFile(stamp, 'utf8').catch(() => null)) === wanted) return python;

  await rm(folder, { recursive: true, force: true });
  try {
    await exec('python3', ['-m', 'venv', folder], limit);
  } catch (error) {
    const what = error.code === 'ENOENT' ? 'Python 3 is missing' : 'the venv module of Python 3 does not work';
    throw new Error(
      `${what}; install it with: apt-get install python3 python3-venv (Debian) or brew install python (macOS)\n${error.message}`,
    );
  }
  await exec(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements], limit);
  await writeFile(stamp, wanted);
  return python;
}
