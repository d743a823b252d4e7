//! The schema: a book that is written, with a field that must be resolved.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{
    Context, Error, ID, Object, Schema, SchemaBuilder, SimpleObject, Subscription,
};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use graphql_engine::write::{SharedData, WriteFields as _, WriteJson, Written};
use graphql_engine::{
    Engine, EngineSettings, OperationLimits, SchemaRules, SetupError, SubscriptionField,
    WrittenItems, configure, data_object, error, written_struct,
};

/// A user. Every token is the name of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User(pub(crate) String);

/// What all resolvers share.
#[derive(Debug, Clone)]
pub(crate) struct Shelf(&'static [&'static str]);

/// One chapter of a book.
#[derive(Debug, SimpleObject)]
struct Chapter {
    /// Its number of pages.
    pages: u32,
}

written_struct!(Chapter { "pages": pages });

/// The number of a book on the shelf.
#[derive(Debug, Clone)]
pub(crate) struct BookFields(usize);

type Book = Written<BookFields>;

data_object! {
    /// A book.
    BookFields as "Book", |this, shelf: Shelf|
    written {
        /// Its id.
        id as "id" -> ID = this.0.into();

        /// Its title.
        title as "title" -> Result<&str, Error> = {
            shelf.0.get(this.0).copied().ok_or_else(|| Error::new("the shelf has no such book"))
        };

        /// Its chapters.
        chapters as "chapters" -> Vec<Chapter> = (1..=2).map(|pages| Chapter { pages }).collect();
    }
    written_with_arguments {}
    resolved {
        /// Who reads it: the user of the request.
        async fn reader(&self, ctx: &Context<'_>) -> Option<String> {
            ctx.data_opt::<User>().map(|user| user.0.clone())
        }
    }
}

/// Reads.
pub(crate) struct Query;

#[Object]
impl Query {
    /// One book; null when there is none.
    async fn book(&self, ctx: &Context<'_>, id: ID) -> Option<Book> {
        let shelf = ctx.data_unchecked::<Shelf>();
        id.parse().ok().filter(|index| *index < shelf.0.len()).map(|index| BookFields(index).into())
    }

    /// The first books, and one that is not on the shelf.
    async fn books(&self, first: usize) -> Vec<Book> {
        (0..first).map(|index| BookFields(index).into()).collect()
    }
}

/// Changes.
pub(crate) struct Mutation;

#[Object]
impl Mutation {
    /// Does not change anything.
    async fn keep(&self, id: ID) -> Book {
        BookFields(id.parse().unwrap_or_default()).into()
    }
}

/// Changes, as they happen.
pub(crate) struct Changes;

#[Subscription]
impl Changes {
    /// The first books, one after another.
    async fn borrowed(&self, first: usize) -> impl Stream<Item = Result<Book, Error>> + use<> {
        borrowed(first)
    }

    /// The numbers of the pages of a book, one after another.
    async fn pages_of(&self, id: ID) -> impl Stream<Item = usize> + use<> {
        let pages = id.len() + 2;
        stream::iter(1..=pages).then(|page| async move {
            tokio::task::yield_now().await;
            page
        })
    }
}

/// The first books, one after another. Without any, it fails.
fn borrowed(first: usize) -> impl Stream<Item = Result<Book, Error>> + Send + 'static {
    let books = (0..first).map(move |index| {
        assert!(first != 13, "thirteen books bring bad luck");
        Ok(BookFields(index).into())
    });
    let nothing = (first == 0).then(|| Err(error::with_code("Nothing is borrowed.", "EMPTY")));
    stream::iter(books.chain(nothing))
}

/// Starts the subscriptions whose items write themselves.
fn start_subscription(field: &SubscriptionField<'_>) -> Option<WrittenItems> {
    let first = match field.name() {
        "borrowed" => field.argument::<usize>("first").ok()??,
        _ => return None,
    };
    let books = borrowed(first);
    Some(books.map_ok(|book| Box::new(book) as Box<dyn WriteJson + Send>).boxed())
}

const RULES: SchemaRules = SchemaRules {
    check_scalar: |_, _| Ok(()),
    field_cost: |_, _| 1,
    written_fields: |object_type| match object_type {
        "Book" => BookFields::WRITTEN,
        "Chapter" => Chapter::WRITTEN,
        _ => &[],
    },
    is_written_type: |object_type| object_type == "Book",
};

const LIMITS: OperationLimits = OperationLimits {
    tokens: 1_000,
    depth: 5,
    fields: 100,
    aliases: 10,
    root_fields: 5,
    directives: 5,
    cost: 1_000,
    response_bytes: 2_000,
};

fn builder() -> SchemaBuilder<Query, Mutation, Changes> {
    Schema::build(Query, Mutation, Changes)
}

/// The engine of the library.
pub(crate) fn engine() -> Result<Engine, SetupError> {
    engine_for(50)
}

/// An engine that executes so many operations without a viewer at the same time.
pub(crate) fn engine_for(max_anonymous: usize) -> Result<Engine, SetupError> {
    let shelf = Shelf(&["Emma", "Ulysses", "Dracula"]);
    let shared = SharedData::new(shelf.clone());
    let schema = configure(builder()).data(shelf).data(shared.clone()).finish();
    let settings = EngineSettings {
        limits: LIMITS,
        operation_timeout: Duration::from_secs(10),
        trusted: None,
        max_anonymous,
        rules: RULES,
    };
    let engine = Engine::new(schema, &builder().finish().sdl(), settings)?;
    Ok(engine.with_written_subscriptions(shared, Arc::new(start_subscription)))
}
