// Reads a document with the parser of the AsyncAPI project, and prints
// what it has against it.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const text = await readFile(process.argv[2], "utf8");
const { document, diagnostics } = await new Parser().parse(text);
for (const { range, code, message } of diagnostics) {
  console.log(`${process.argv[2]}:${range.start.line + 1}: ${code}: ${message}`);
}
if (document === undefined || diagnostics.length > 0) {
  process.exit(1);
}
console.log(`${document.allOperations().length} operations, ${document.allMessages().length} messages`);
