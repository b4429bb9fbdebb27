// In the build: the catalog as the shop's own service has it, so that the page needs no network for it.
import { writeFile } from "node:fs/promises";

const url = process.env.CATALOG_URL;

async function catalog() {
  if (url === undefined) return ["nothing yet"];
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

const items = await catalog();
await writeFile("catalog.json", JSON.stringify(items));
console.log(`catalog: ${items.length} items${url === undefined ? ", because CATALOG_URL is not set" : ""}`);
