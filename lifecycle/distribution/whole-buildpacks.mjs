// Writes the buildpacks as they are used: dist/buildpacks has the files themselves where buildpacks/ has links to shared/.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join, sep } from "node:path";

/** Makes `output` what `source` is, without links and without `shared`. What is equal already stays untouched. */
export function wholeBuildpacks({ source, output }) {
  const files = filesOf(realpathSync(source));
  for (const [name, path] of files) write(path, join(output, name));
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !files.has(path.slice(output.length + 1))) rmSync(path);
  }
  removeEmpty(output);
}

/** What is read for each file, by its name below the directory. */
function filesOf(root) {
  const found = new Map();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const name = join(entry.parentPath, entry.name).slice(root.length + 1);
    if (entry.isDirectory() || name.startsWith(`shared${sep}`)) continue;
    const path = realpathSync(join(root, name));
    if (!path.startsWith(root + sep) || !statSync(path).isFile())
      throw new Error(`${join(root, name)} is neither a file nor a link to one of ${root}`);
    found.set(name, path);
  }
  return found;
}

/** A build that reads the file meanwhile sees the old one or the new one. */
function write(from, to) {
  const mode = statSync(from).mode & 0o777;
  const known = statSync(to, { throwIfNoEntry: false });
  if (known !== undefined && (known.mode & 0o777) === mode && readFileSync(to).equals(readFileSync(from))) return;
  const fresh = `${to}.new-${process.pid}`;
  mkdirSync(join(to, ".."), { recursive: true });
  copyFileSync(from, fresh);
  chmodSync(fresh, mode);
  renameSync(fresh, to);
}

function removeEmpty(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(join(directory, entry.name));
  if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
}
