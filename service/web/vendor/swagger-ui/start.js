// Part of Vitrine: show the OpenAPI description of this service in Swagger UI.

/** Give the page the landmark and the heading that Swagger UI lacks above its routes. */
const landmarks = ({ React: { Fragment, createElement } }) => ({
  wrapComponents: {
    InfoContainer: (Info) => (props) =>
      createElement("div", { role: "region", "aria-label": "About" }, createElement(Info, props)),
    operations: (Operations) => (props) =>
      createElement(
        Fragment,
        null,
        createElement("h2", { className: "routes" }, "Routes"),
        createElement(Operations, props),
      ),
  },
});

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: false, // its links are inside of buttons, where a keyboard cannot tell them apart
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [landmarks],
});
