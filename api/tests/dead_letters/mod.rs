mod decide;
mod read;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::world::{TOKEN, World, header};

impl World {
    /// A dead letter of the given cause, as a consumer would have written it; returns its id.
    pub async fn dead_lettered(
        &mut self,
        partition: i32,
        cause: &str,
        order_id: Option<&str>,
        value: &[u8],
    ) -> String {
        self.dead_letter(partition, 6, order_id).await;
        let statement = "UPDATE build_1.dead_letters l SET cause = $1, key = 'k', payload = $2, payload_bytes = length($2::bytea),
                 headers = '[[\"schema-version\", \"1\"], [\"x\", null]]'
             WHERE (partition, \"offset\") = (SELECT partition, max(\"offset\") FROM build_1.dead_letters WHERE partition = $3 GROUP BY 1)
             RETURNING partition || '-' || \"offset\"";
        self.client.query_one(statement, &[&cause, &value, &partition]).await.unwrap().get(0)
    }

    async fn post(&self, path: &str, body: &str) -> Response {
        self.request(Method::POST, path)
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_owned())
            .send()
            .await
            .unwrap()
    }

    async fn with_token(&self, path: &str) -> Value {
        let request = self.request(Method::GET, path).header(AUTHORIZATION, format!("Bearer {TOKEN}"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// The totals that the API gives have to be those of the tables.
    async fn check_totals(&self) {
        let stats = self.json("/stats").await;
        for (status, code) in
            [("pending", 'C'), ("paid", 'P'), ("shipped", 'S'), ("delivered", 'D'), ("cancelled", 'X')]
        {
            let counted = self.count(&format!("build_1.orders WHERE status = '{code}'")).await;
            assert_eq!(stats["by_status"][status], counted, "{status}: {stats}");
        }
        assert_eq!(stats["records"], self.count("build_1.order_history").await, "{stats}");
        let open = self.count("build_1.dead_letters WHERE state = 'open'").await;
        assert_eq!(stats["open_dead_letters"], open, "{stats}");
        assert_eq!(header(&self.get("/stats").await, "open-dead-letters"), open.to_string());
    }

    async fn count(&self, table: &str) -> i64 {
        self.client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    }
}
