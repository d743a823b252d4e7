//! Operations generated from the schema: one for each place in which a client can send an id.

use std::fmt::Write;

use apollo_compiler::Schema;
use apollo_compiler::ast::{InputValueDefinition, Type};
use apollo_compiler::schema::{ExtendedType, FieldDefinition, InputObjectType};
use serde_json::{Map, Value, json};

/// Stands for the id in the variables of an operation.
const HERE: &str = "the id goes here";
/// Arguments of the type `ID` that name nothing that a user owns.
const NOT_OWNED: [&str; 2] = ["model", "userId"];

/// The ids of one object of each kind, of one user.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    pub(super) task: String,
    pub(super) image: String,
    pub(super) board: String,
    pub(super) upload: String,
    pub(super) endpoint: String,
    pub(super) delivery: String,
}

impl Objects {
    pub(super) fn all(&self) -> [&str; 6] {
        [&self.task, &self.image, &self.board, &self.upload, &self.endpoint, &self.delivery]
    }

    /// An id that makes a required argument valid, beside the one that is tried.
    fn for_argument(&self, name: &str) -> &str {
        match name {
            "boardId" => &self.board,
            "imageId" | "imageIds" | "beforeImageId" => &self.image,
            "uploadId" => &self.upload,
            _ => panic!("which kind of object does the argument `{name}` name?"),
        }
    }
}

/// An operation with one place for an id.
pub(super) struct Operation {
    /// The field and the argument, such as `addImagesToBoard(imageIds)`.
    pub(super) name: String,
    pub(super) is_subscription: bool,
    /// Whether it is for administrators only.
    pub(super) is_for_admins: bool,
    pub(super) document: String,
    variables: Value,
}

impl Operation {
    pub(super) fn variables(&self, id: &str) -> Value {
        let text = self.variables.to_string().replace(HERE, id);
        serde_json::from_str(&text).unwrap()
    }
}

/// Generates the operations of a schema, with other required ids from these objects.
pub(super) struct Generator<'schema> {
    pub(super) schema: &'schema Schema,
    pub(super) own: Objects,
}

impl Generator<'_> {
    /// An operation for each place for an id in the arguments of the root fields; what deletes or removes an
    /// object of its arguments is last.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for root in ["Query", "Mutation", "Subscription"] {
            let object = self.schema.types[root].as_object().unwrap();
            for field in object.fields.values() {
                self.operations_of(root, field, &mut operations);
            }
        }
        operations.sort_by_key(|operation| {
            let name = &operation.name;
            (name.starts_with("delete"), name.starts_with("remove") && name.ends_with("(boardId)"))
        });
        operations
    }

    fn operations_of(&self, root: &str, field: &FieldDefinition, operations: &mut Vec<Operation>) {
        for argument in &field.arguments {
            for value in self.values_with_an_id(argument) {
                let mut variables = self.required(&field.arguments);
                variables.insert(argument.name.to_string(), value);
                operations.push(Operation {
                    name: format!("{}({})", field.name, argument.name),
                    is_subscription: root == "Subscription",
                    is_for_admins: is_for_admins(field),
                    document: self.document(root, field, &variables),
                    variables: Value::Object(variables),
                });
            }
        }
    }

    fn document(
        &self,
        root: &str,
        field: &FieldDefinition,
        variables: &Map<String, Value>,
    ) -> String {
        let used =
            field.arguments.iter().filter(|argument| variables.contains_key(&*argument.name));
        let (declared, passed): (Vec<_>, Vec<_>) = used
            .map(|argument| {
                let name = &argument.name;
                (format!("${name}: {}", argument.ty), format!("{name}: ${name}"))
            })
            .unzip();
        let (declared, passed) = (declared.join(", "), passed.join(", "));
        let selection = self.selection(&field.ty, 4).unwrap();
        format!("{}({declared}) {{ {}({passed}) {selection} }}", root.to_lowercase(), field.name)
    }

    /// Selects every field without required arguments, of objects down to this depth. Nothing when
    /// the objects of this type are deeper.
    pub(super) fn selection(&self, ty: &Type, depth: usize) -> Option<String> {
        let name = ty.inner_named_type();
        let is_leaf = self.schema.types[name].is_scalar() || self.schema.types[name].is_enum();
        if is_leaf || depth == 0 {
            return is_leaf.then(String::new);
        }
        let fields = match &self.schema.types[name] {
            ExtendedType::Object(object) => self.fields("", &object.fields, depth),
            ExtendedType::Interface(interface) => {
                let implementers = self.schema.implementers_map();
                let members = implementers.get(&interface.name).unwrap();
                members.objects.iter().map(|member| self.fragment(member, depth)).collect()
            }
            ExtendedType::Union(union) => {
                union.members.iter().map(|member| self.fragment(member, depth)).collect()
            }
            other => panic!("{} has no fields", other.name()),
        };
        Some(format!("{{ __typename {fields} }}"))
    }

    /// With an alias for each field: members of a union have fields of the same name and other types.
    fn fragment(&self, member: &str, depth: usize) -> String {
        let object = self.schema.types[member].as_object().unwrap();
        format!(
            "... on {member} {{ {} }} ",
            self.fields(&format!("{member}_{{}}: "), &object.fields, depth)
        )
    }

    fn fields<'field>(
        &self,
        alias: &str,
        fields: impl IntoIterator<
            Item = (
                &'field apollo_compiler::Name,
                &'field apollo_compiler::schema::Component<FieldDefinition>,
            ),
        >,
        depth: usize,
    ) -> String {
        let mut selected = String::new();
        for (name, field) in fields {
            let needs_an_argument = field.arguments.iter().any(|argument| argument.is_required());
            let selection = self.selection(&field.ty, depth - 1);
            let is_left_out = needs_an_argument || is_for_admins(field);
            let (false, Some(selection)) = (is_left_out, selection) else { continue };
            let alias = alias.replace("{}", name);
            write!(selected, "{alias}{name} {selection} ").unwrap();
        }
        selected
    }

    fn required<'argument>(
        &self,
        arguments: impl IntoIterator<Item = &'argument apollo_compiler::Node<InputValueDefinition>>,
    ) -> Map<String, Value> {
        let required = arguments.into_iter().filter(|argument| argument.is_required());
        required.map(|argument| (argument.name.to_string(), self.sample(argument))).collect()
    }

    /// A valid value.
    fn sample(&self, argument: &InputValueDefinition) -> Value {
        let name = argument.ty.inner_named_type();
        let value = match &self.schema.types[name] {
            ExtendedType::Enum(values) => json!(values.values.keys().next().unwrap()),
            ExtendedType::InputObject(object) if is_one_of(object) => {
                let field =
                    object.fields.values().find(|field| *field.ty.inner_named_type() == "ID");
                let field = field.unwrap_or_else(|| object.fields.values().next().unwrap());
                json!({ &*field.name: self.sample(field) })
            }
            ExtendedType::InputObject(object) => {
                Value::Object(self.required(object.fields.values().map(|field| &field.node)))
            }
            _ => match name.as_str() {
                "ID" if argument.name == "id" || argument.name == "ids" => json!(HERE),
                "ID" => json!(self.own.for_argument(&argument.name)),
                "Int" | "Float" => json!(1),
                "Boolean" => json!(true),
                "JSON" => json!({}),
                "URI" => json!("https://example.com/a.png"),
                "String" if argument.name == "contentType" => json!("image/png"),
                "String" => json!("a cat"),
                other => panic!("what is a value of the type {other}?"),
            },
        };
        if argument.ty.is_list() { json!([value]) } else { value }
    }

    /// The values of this argument in which one id stands for the one that is tried.
    fn values_with_an_id(&self, argument: &InputValueDefinition) -> Vec<Value> {
        let name = argument.ty.inner_named_type();
        let values = match &self.schema.types[name] {
            ExtendedType::InputObject(object) => self.objects_with_an_id(object),
            _ if name == "ID" && !NOT_OWNED.contains(&&*argument.name) => vec![json!(HERE)],
            _ => Vec::new(),
        };
        let is_list = argument.ty.is_list();
        values.into_iter().map(|value| if is_list { json!([value]) } else { value }).collect()
    }

    fn objects_with_an_id(&self, object: &InputObjectType) -> Vec<Value> {
        let mut objects = Vec::new();
        for field in object.fields.values() {
            for value in self.values_with_an_id(field) {
                let mut object = self.required(object.fields.values().map(|field| &field.node));
                object.insert(field.name.to_string(), value);
                objects.push(Value::Object(object));
            }
        }
        objects
    }
}

/// Administrators may read and change what belongs to others. The descriptions of their fields say so.
pub(super) fn is_for_admins(field: &FieldDefinition) -> bool {
    field.description.as_ref().is_some_and(|text| text.contains("Requires the role ADMIN"))
}

fn is_one_of(object: &InputObjectType) -> bool {
    object.directives.has("oneOf")
}
