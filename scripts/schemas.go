// Command schemas writes the JSON schemas by which kubeconform judges manifests, from files that lie
// on this machine: the API description of a Kubernetes version, or definitions of custom kinds.
//
//	schemas OUT swagger VERSION swagger.json
//	schemas OUT kinds FILE.yaml...
//
// They are strict: a field that the description does not know is a fault.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

type object = map[string]any

func main() {
	if len(os.Args) < 4 {
		fail("usage: schemas OUT swagger VERSION FILE | schemas OUT kinds FILE...")
	}
	switch out := os.Args[1]; os.Args[2] {
	case "swagger":
		swagger(filepath.Join(out, os.Args[3]), os.Args[4])
	case "kinds":
		for _, file := range os.Args[3:] {
			kinds(filepath.Join(out, "kinds"), file)
		}
	default:
		fail("unknown source " + os.Args[2])
	}
}

// The kinds that Kubernetes itself serves.
func swagger(out, file string) {
	var description struct{ Definitions object }
	check(json.Unmarshal(read(file), &description))
	for name, definition := range description.Definitions {
		strict(definition)
		if strings.HasSuffix(name, ".api.resource.Quantity") {
			description.Definitions[name] = object{"type": []any{"string", "number"}}
		}
	}
	for name, definition := range description.Definitions {
		served, _ := definition.(object)["x-kubernetes-group-version-kind"].([]any)
		if len(served) != 1 {
			continue // belongs to every group, such as DeleteOptions
		}
		kind := served[0].(object)
		needed := object{}
		collect(name, description.Definitions, needed)
		schema := object{"$ref": "#/definitions/" + name, "definitions": needed}
		write(out, kind["kind"], kind["group"], kind["version"], schema)
	}
}

// A definition and all that it refers to.
func collect(name string, all, into object) {
	if _, known := into[name]; known {
		return
	}
	into[name] = all[name]
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case object:
			if reference, ok := value["$ref"].(string); ok {
				collect(strings.TrimPrefix(reference, "#/definitions/"), all, into)
			}
			for _, field := range value {
				walk(field)
			}
		case []any:
			for _, item := range value {
				walk(item)
			}
		}
	}
	walk(all[name])
}

// Kinds that CustomResourceDefinitions describe.
func kinds(out, file string) {
	for _, document := range bytes.Split(read(file), []byte("\n---")) {
		var definition struct {
			Kind string
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema object }
				}
			}
		}
		check(yaml.Unmarshal(bytes.TrimPrefix(document, []byte("---")), &definition))
		if definition.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, version := range definition.Spec.Versions {
			schema := version.Schema.OpenAPIV3Schema
			strict(schema)
			fields := schema["properties"].(object)
			fields["apiVersion"] = object{"type": "string"}
			fields["kind"] = object{"type": "string"}
			fields["metadata"] = object{"type": "object"}
			write(out, definition.Spec.Names.Kind, definition.Spec.Group, version.Name, schema)
		}
	}
}

// Forbids unknown fields, and says what Kubernetes means by its own words.
func strict(value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			strict(item)
		}
	case object:
		if value["format"] == "int-or-string" || value["x-kubernetes-int-or-string"] == true {
			delete(value, "anyOf")
			value["type"] = []any{"string", "integer"}
		}
		// The others are checked by the API server; a field of that name is an object.
		if _, word := value["format"].(string); word {
			delete(value, "format")
		}
		fields, known := value["properties"].(object)
		_, open := value["additionalProperties"]
		if known && !open && value["x-kubernetes-preserve-unknown-fields"] != true {
			value["additionalProperties"] = false
		}
		for name, field := range value {
			if name != "properties" && name != "default" && name != "enum" {
				strict(field)
			}
		}
		for _, field := range fields {
			strict(field)
		}
	}
}

// Named as kubeconform looks for it: kind, first part of the group, version.
func write(out string, kind, group, version any, schema object) {
	check(os.MkdirAll(out, 0o755))
	parts := []string{fmt.Sprint(kind)}
	if first := strings.Split(fmt.Sprint(group), ".")[0]; first != "" {
		parts = append(parts, first)
	}
	name := strings.ToLower(strings.Join(append(parts, fmt.Sprint(version)), "-"))
	text, err := json.Marshal(schema)
	check(err)
	check(os.WriteFile(filepath.Join(out, name+".json"), text, 0o644))
}

func read(file string) []byte {
	text, err := os.ReadFile(file)
	check(err)
	return text
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "schemas:", message)
	os.Exit(1)
}
