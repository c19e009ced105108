"""What a saved notebook tells of its widgets."""

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"

# The rules of `v2/state.schema.json` that readers of saved notebooks rely on.
STATE_SCHEMA = {
    "type": "object",
    "required": ["version_major", "version_minor", "state"],
    "additionalProperties": False,
    "properties": {
        "version_major": {"const": 2},
        "version_minor": {"type": "integer"},
        "state": {"type": "object", "additionalProperties": {"$ref": "#/$defs/model"}},
    },
    "$defs": {
        "model": {
            "type": "object",
            "required": ["model_name", "model_module", "model_module_version", "state"],
            "additionalProperties": False,
            "properties": {
                "model_name": {"type": "string", "minLength": 1},
                "model_module": {"type": "string", "minLength": 1},
                "model_module_version": {"type": "string", "minLength": 1},
                "state": {"type": "object"},
                "buffers": {"type": "array", "items": {"$ref": "#/$defs/buffer"}},
            },
        },
        "buffer": {
            "type": "object",
            "required": ["path", "data", "encoding"],
            "additionalProperties": False,
            "properties": {
                "path": {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}},
                "data": {"type": "string"},
                "encoding": {"enum": ["base64", "hex"]},
            },
        },
    },
}
