//! What Rust code names: the paths of its `use` trees, and those written out where they are used.

use crate::rust::{self, Kind, Token};

/// Begins with an empty part where it leads into another crate by `::`.
pub type Path = Vec<String>;

#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    pub path: Path,
    /// The name in this file; `*` for all names of a module.
    pub name: String,
    /// Others can take the name from this file: `pub use`, `pub(crate) use` and so on.
    pub is_public: bool,
}

/// The names of one file.
#[derive(Debug, Default)]
pub struct Names {
    pub imports: Vec<Import>,
    /// Every path outside of `use`, single names included.
    pub paths: Vec<Path>,
}

impl Names {
    /// Tests may use everything, so the parts of a file that only they are built with are left out.
    pub fn of(source: &str) -> Self {
        let mut tokens = rust::without_tests(source);
        tokens.retain(|token| token.kind != Kind::Comment);
        let mut names = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            // `use<'a>` in a bound imports nothing.
            if tokens[at].is("use") && tokens.get(at + 1).is_some_and(|next| !next.is("<")) {
                let is_public = is_public(&tokens[..at]);
                at += 1;
                // `::a` is another crate, even where there is a module of that name.
                let start = if tokens[at].is(":") { vec![String::new()] } else { Path::new() };
                names.tree(&tokens, &mut at, start, is_public);
            } else if begins_a_path(&tokens, at) {
                names.paths.push(path(&tokens, &mut at));
            } else {
                at += 1;
            }
        }
        names
    }

    /// Where a name of this file comes from, if it was imported by that name.
    pub fn import(&self, name: &str) -> Option<&Import> {
        self.imports.iter().find(|import| import.name == name && name != "*")
    }

    /// One branch of a `use` tree, up to the mark that ends it.
    fn tree(&mut self, tokens: &[Token], at: &mut usize, mut path: Path, is_public: bool) {
        let mut name = None;
        while let Some(token) =
            tokens.get(*at).filter(|token| ![",", "}", ";"].iter().any(|end| token.is(end)))
        {
            *at += 1;
            if token.is("{") {
                while !tokens[*at].is("}") {
                    self.tree(tokens, at, path.clone(), is_public);
                    *at += usize::from(tokens[*at].is(","));
                }
                *at += 1;
                return;
            }
            if token.is("as") {
                name = Some(tokens[*at].text.clone());
                *at += 1;
            } else if token.is("self") && !path.is_empty() {
                // `{self, …}` is the module before the brace.
            } else if token.kind == Kind::Word || token.is("*") {
                path.push(token.text.clone());
            }
        }
        let name = name.or_else(|| path.last().cloned()).expect("a use tree has a name at each end");
        self.imports.push(Import { path, name, is_public });
    }
}

/// Whether an item that follows is visible to other modules.
fn is_public(before: &[Token]) -> bool {
    before.last().is_some_and(|token| token.is("pub") || token.is(")"))
}

/// A word after `::` or a dot belongs to what stands before it; the path in `pub(in …)` only says who may look.
fn begins_a_path(tokens: &[Token], at: usize) -> bool {
    let before = &tokens[..at];
    let continues = rust::ends_with(before, &[":", ":"]) || before.last().is_some_and(|token| token.is("."));
    tokens[at].kind == Kind::Word && !continues && !rust::ends_with(before, &["pub", "(", "in"])
}

fn path(tokens: &[Token], at: &mut usize) -> Path {
    let mut path = vec![tokens[*at].text.clone()];
    *at += 1;
    while rust::begins_with(&tokens[*at..], &[":", ":"])
        && let Some(word) = tokens.get(*at + 2).filter(|token| token.kind == Kind::Word)
    {
        path.push(word.text.clone());
        *at += 3;
    }
    path
}

#[test]
fn the_names_of_a_file_are_found() {
    let source = "use crate::a::{self, b::{C, D as E}, *}; pub(super) use f::G; use ::u::V;
        pub(in crate::h) fn i() -> impl J + use<'_> { crate::k::L::<M>::new(n.o).p::<self::q::R>() }
        #[cfg(test)] use s::T;";
    let names = Names::of(source);
    let imports: Vec<_> =
        names.imports.iter().map(|i| format!("{} = {} {}", i.name, i.path.join("::"), i.is_public)).collect();
    let expected = [
        "a = crate::a false",
        "C = crate::a::b::C false",
        "E = crate::a::b::D false",
        "* = crate::a::* false",
        "G = f::G true",
        "V = ::u::V false",
    ];
    assert_eq!(imports, expected);
    let paths: Vec<_> =
        names.paths.iter().map(|path| path.join("::")).filter(|path| path.len() > 2).collect();
    assert_eq!(paths, ["pub", "super", "pub", "impl", "use", "crate::k::L", "self::q::R"]);
}
