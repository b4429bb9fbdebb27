// Runs inside of a sandbox: looks for texts (given in hexadecimal) in everything that can be read there.
import { lstatSync, readdirSync, readFileSync } from "node:fs";

const texts = process.argv.slice(2).map((hex) => Buffer.from(hex, "hex").toString());

function look(where, content) {
  for (const [index, text] of texts.entries()) if (content.includes(text)) console.log(`FOUND ${index} ${where}`);
}

function lookInFile(path) {
  try {
    look(path, readFileSync(path, "latin1"));
  } catch {
    // What can not be read gives nothing away.
  }
}

function walk(directory) {
  let names = [];
  try {
    names = readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    const path = directory === "/" ? `/${name}` : `${directory}/${name}`;
    if (["/proc", "/sys", "/workspace"].includes(path)) continue;
    const info = lstatSync(path, { throwIfNoEntry: false });
    if (info?.isDirectory()) walk(path);
    else if (info?.isFile() && info.size < 1_000_000) lookInFile(path);
  }
}

look("environment", JSON.stringify(process.env));
walk("/");
for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
  for (const file of ["environ", "cmdline", "mountinfo"]) lookInFile(`/proc/${pid}/${file}`);
