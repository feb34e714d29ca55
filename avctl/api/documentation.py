"""The OpenAPI document as a page, without scripts and without the internet: a control room may have none."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ document.info.title }} {{ document.info.version }}: API</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; }
code, pre { font: .9em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .4rem; }
details { border-top: 1px solid #8886; padding: .4rem 0; }
summary { cursor: pointer; min-height: 2.75rem; align-content: center; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 700; padding: .4rem 0; }
td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
.said { white-space: pre-line; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; }
</style>
</head>
<body>
<header><h1>{{ document.info.title }} {{ document.info.version }}</h1>
<p class="said">{{ document.info.description | said }}</p>
<p>For programs: <a href="{{ source }}">{{ source }}</a></p></header>
<main>
{% for tag in tags %}<section><h2 id="{{ tag.name }}">{{ tag.name }}</h2><p>{{ tag.description }}</p>
{% for one in tag.operations %}<details id="{{ one.id }}">
<summary><span class="method">{{ one.method }}</span>
<code>{{ one.path }}</code> {{ one.summary }}</summary>
<p class="said">{{ one.description | said }}</p>
{% if one.parameters %}<table><caption>Parameters</caption>
<tr><th>name</th><th>in</th><th>required</th><th>what it is</th></tr>
{% for parameter in one.parameters %}<tr><td><code>{{ parameter.name }}</code></td><td>{{ parameter.in }}</td>
<td>{{ "yes" if parameter.required else "no" }}</td><td>{{ parameter.description | said }}</td></tr>
{% endfor %}</table>{% endif %}
{% for title, example in one.examples %}<h3>{{ title }}</h3><pre>{{ example }}</pre>{% endfor %}
<table><caption>Answers</caption>
{% for status, said in one.responses.items() %}<tr><td><code>{{ status }}</code></td>
<td>{{ said | said }}</td></tr>
{% endfor %}</table></details>
{% endfor %}</section>{% endfor %}
</main>
</body>
</html>
"""

router = APIRouter(include_in_schema=False)


@router.get("/api/docs", response_class=HTMLResponse)
async def documentation(request: Request) -> HTMLResponse:
    """The OpenAPI document, for people."""
    document = request.app.openapi()
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["said"] = _said
    page = environment.from_string(PAGE)
    tags = [{**tag, "operations": _operations(document, tag["name"])} for tag in document["tags"]]
    return HTMLResponse(
        page.render(document=document, tags=tags, source=request.app.openapi_url),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _operations(document: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    return [
        {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "parameters": [
                {"required": False, "description": "", **parameter}
                for parameter in operation.get("parameters", [])
            ],
            "examples": _examples(document, operation),
            "responses": {
                status: said["description"] for status, said in sorted(operation["responses"].items())
            },
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation.get("tags", [])
    ]


def _examples(document: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, str]]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "examples" in body:
        return [(example["summary"], _text(example["value"])) for example in body["examples"].values()]
    name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = document["components"]["schemas"].get(name, {})
    return [("Body", _text(schema["example"]))] if "example" in schema else []


def _said(text: str) -> Markup:
    """A text whose `names` are set as such."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # escaped before


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
