// Shows the description, and lets a reader with a key call what it describes:
// always at the server that the page came from, whatever address it is known by.
"use strict";

const here = new URL(".", window.location.href);

fetch(new URL("openapi.json", here))
  .then((response) => response.json())
  .then((spec) => {
    spec.servers = [{ url: here.href.replace(/\/$/, "") }];
    SwaggerUIBundle({
      spec,
      dom_id: "#page",
      deepLinking: true,
      defaultModelsExpandDepth: 0,
      validatorUrl: null, // else it would show the description to a server elsewhere
    });
  })
  .catch((error) => {
    document.getElementById("page").textContent = `openapi.json cannot be shown: ${error}`;
  });
