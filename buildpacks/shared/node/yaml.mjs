// Reads the part of YAML that pnpm and Yarn write in their lock files: mappings and sequences by indentation, plain and
// quoted scalars, flow mappings and sequences, and texts that go on in the next lines. Scalars stay text.

/** The text of a scalar; quotes are removed. */
const scalar = (text) => {
  if (text.startsWith('"')) return JSON.parse(text);
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  return text;
};

/** "{a: b, c: [d, e]}" and the like. */
const flow = (text) => {
  let at = 0;
  const fail = () => new Error(`malformed flow value: ${text}`);
  const skip = () => {
    while (text[at] === " ") at += 1;
  };
  const word = (stops) => {
    skip();
    const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(text.slice(at))?.[0];
    const start = at;
    if (quoted !== undefined) {
      at += quoted.length;
      return scalar(quoted);
    }
    while (at < text.length && !stops.test(text.slice(at, at + 2))) at += 1;
    return text.slice(start, at).trim();
  };
  const value = () => {
    skip();
    if (text[at] === "{") return collection("}", new Map());
    if (text[at] === "[") return collection("]", []);
    return word(/^[,}\]]/);
  };
  const collection = (end, into) => {
    at += 1;
    for (;;) {
      skip();
      if (at >= text.length) throw fail();
      if (text[at] === end) break;
      if (Array.isArray(into)) into.push(value());
      else {
        const key = word(/^:( |$)|^[,}]/);
        at += text[at] === ":" ? 1 : 0;
        into.set(key, value());
      }
      skip();
      if (text[at] === ",") at += 1;
    }
    at += 1;
    return Array.isArray(into) ? into : Object.fromEntries(into);
  };
  return value();
};

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\?[ ].*|[^\s#"'][^#]*?):(?: +(.*))?$/;
const BLOCK = /^[|>][+-]?$/;

const valueOf = (text) => (/^[{[]/.test(text) ? flow(text) : scalar(text));

/** Parses a document; the result has objects, arrays and strings. */
export function parseYaml(source) {
  const lines = source
    .split(/\r?\n/)
    .map((text, index) => ({ indent: text.search(/\S/), text: text.trim(), number: index + 1 }))
    .filter(({ text }) => text !== "" && !text.startsWith("#") && text !== "---");
  let at = 0;

  /** What stands behind a key: on its line, or in the deeper lines below. */
  const after = (rest, indent) => {
    const next = lines[at];
    if (BLOCK.test(rest)) {
      const block = [];
      while (lines[at] !== undefined && lines[at].indent > indent) block.push(lines[at++].text);
      return block.join("\n");
    }
    if (rest === "" && next !== undefined && (next.indent > indent || (next.indent === indent && isItem(next)))) {
      return node(next.indent);
    }
    let text = rest;
    while (lines[at] !== undefined && lines[at].indent > indent) text += ` ${lines[at++].text}`;
    return valueOf(text);
  };

  const isItem = (line) => line.text === "-" || line.text.startsWith("- ");

  const sequence = (indent) => {
    const items = [];
    while (lines[at]?.indent === indent && isItem(lines[at])) {
      const rest = lines[at].text.slice(1).trim();
      at += 1;
      items.push(after(rest, indent));
    }
    return items;
  };

  const mapping = (indent) => {
    const entries = new Map();
    while (lines[at]?.indent === indent) {
      const line = lines[at];
      let match = KEY.exec(line.text);
      at += 1;
      // A key that is too long for its line: "? key", then ": value".
      if (line.text.startsWith("? ") && lines[at]?.text.startsWith(":")) {
        match = [line.text, line.text.slice(2), lines[at].text.slice(1).trim()];
        lines[at].text = "";
        at += 1;
      }
      if (match === null) throw new Error(`line ${line.number}: expected "key: value", found "${line.text}"`);
      entries.set(scalar(match[1].trim()), after((match[2] ?? "").trim(), indent));
    }
    return Object.fromEntries(entries);
  };

  const node = (indent) => (isItem(lines[at]) ? sequence(indent) : mapping(indent));
  return lines.length === 0 ? {} : node(lines[0].indent);
}
