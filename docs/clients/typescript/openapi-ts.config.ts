import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: "../../openapi/openapi.json",
  output: { path: "src/batchport", module: { extension: ".js" } },
});
