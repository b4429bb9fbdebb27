// Prints what package.json wants and the lock file was not made for, after an installation that failed for it:
//   node differences.mjs APPLICATION LOCK
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { lockedRange } from "./lock.mjs";

const [application, lockFile] = process.argv.slice(2);
const MOST = 5;

/** Directories with a package.json, from the application's: its own and those of its workspaces. */
const projects = (directory) =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
    .flatMap((entry) => projects(join(directory, entry.name)))
    .concat(existsSync(join(directory, "package.json")) ? [relative(application, directory) || "."] : [])
    .sort();

const wanted = (directory) => {
  const manifest = JSON.parse(readFileSync(join(application, directory, "package.json"), "utf8"));
  return Object.entries({ ...manifest.devDependencies, ...manifest.optionalDependencies, ...manifest.dependencies });
};

/** The line of a package.json that asks for a package. */
const lineOf = (file, name, range) => {
  const lines = readFileSync(join(application, file), "utf8").split("\n");
  const both = lines.findIndex((line) => line.includes(JSON.stringify(name)) && line.includes(JSON.stringify(range)));
  return both >= 0 ? both + 1 : lines.findIndex((line) => line.includes(JSON.stringify(name))) + 1;
};

const differences = projects(application).flatMap((directory) =>
  wanted(directory).flatMap(([name, range]) => {
    const locked = lockedRange(lockFile, directory, name);
    if (locked === range) return [];
    const file = directory === "." ? "package.json" : `${directory}/package.json`;
    return [
      `${file}:${lineOf(file, name, range)} wants ${name} "${range}", the lock has ${locked === undefined ? "none" : `"${locked}"`}`,
    ];
  }),
);
const more = differences.length > MOST ? [`and ${differences.length - MOST} more`] : [];
process.stdout.write([...differences.slice(0, MOST), ...more].join("; ") || "see above");
