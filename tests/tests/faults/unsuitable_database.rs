//! Fault 58: a database in which not every text can be stored.

use end_to_end::harness::{GIVE_UP_AFTER, Stage, free_address};

#[tokio::test]
async fn fault_58_database_of_another_encoding() {
    let mut stage = Stage::new().await;
    stage.create_topic(1).await;
    let sql = stage.sql().await;
    let name: String = sql.query_one("SELECT current_database() || '_latin1'", &[]).await.unwrap().get(0);
    sql.batch_execute(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'"))
        .await
        .unwrap();
    stage.database_url = local_stack::with_database(&stage.database_url, &name);
    for program in ["consumer", "replay-rebuild", "api"] {
        let mut program = stage.program(program).env("API_LISTEN", free_address()).start();
        assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 2, "{}", program.log());
        let log = program.log();
        assert!(log.contains("LATIN1") && log.contains("createdb --encoding UTF8"), "{log}");
    }
    let sql = stage.sql().await;
    let tables = sql.query("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace", &[]);
    assert!(tables.await.unwrap().is_empty(), "nothing may be written");
}
